//! [`Words`]: what the command line says, in English and in Chinese.
//!
//! Only what people read is here; JSON members, codes and error texts are the same everywhere.

use clap::ValueEnum;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

impl Lang {
    /// The language that LC_ALL, LC_MESSAGES or LANG ask for.
    pub(super) fn of_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| get(name).filter(|value| !value.is_empty()));
        if locale.is_some_and(|locale| locale.starts_with("zh")) { Self::Zh } else { Self::En }
    }

    /// Its words.
    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Zh => &ZH,
            Self::En => &EN,
        }
    }
}

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        /// The words of one language.
        #[derive(Debug)]
        pub(super) struct Words {
            lang: Lang,
            $(pub(super) $name: &'static str,)*
        }
        static EN: Words = Words { lang: Lang::En, $($name: $en,)* };
        static ZH: Words = Words { lang: Lang::Zh, $($name: $zh,)* };
    };
}

words! {
    station: "station", "站点";
    name: "name", "名称";
    tier: "tier", "层级";
    state: "state", "状态";
    online: "online", "在线";
    offline: "offline", "离线";
    unknown: "unknown", "未知";
    since: "since", "自";
    version: "version", "版本";
    policy: "policy version", "政策版本";
    link: "link", "链路";
    uplink: "uplink", "上行链路";
    up: "up", "通";
    down: "down", "断";
    round_trip: "round trip", "往返";
    backlog: "backlog", "积压";
    oldest: "oldest", "最久";
    accepted: "accepted", "已接收";
    delivered: "delivered", "已送达";
    stations: "stations", "个站点";
    messages_wait: "messages wait", "条待送";
    message: "message", "消息";
    kind: "kind", "类别";
    origin: "origin", "来源";
    to: "to", "送往";
    missing: "missing", "未送达";
    precedence: "precedence", "缓急";
    accepted_at: "accepted at", "接收时间";
    grade: "grade", "进度";
    outcome: "outcome", "结果";
    under_way: "under way", "在途";
    answer: "answer", "答复";
    at: "at", "时间";
    detail: "detail", "说明";
    event: "event", "事件";
    who: "who", "何人";
    held: "held", "停留";
    duplicate: "duplicate: it had been taken before", "重复：此前已接收";
    stream_lost: "the stream broke off; trying again", "连接中断，正在重连";
    key: "key", "配置项";
    value: "value", "值";
    source: "from", "出处";
    comma: ", ", "，";
    directory: "directory", "目录";
    segments: "segments", "段";
    segment: "segment", "段";
    records: "records", "记录";
    damage: "damaged places", "损坏处";
    damaged: "damaged", "损坏";
    intact: "intact", "完好";
    quarantined: "put aside", "隔离";
    gaps: "missing legs", "缺失";
    taken: "taken", "接收";
    held_messages: "held", "持有";
    handed_over: "handed over", "已移交";
    ended: "ended", "已终结";
    bytes: "bytes", "字节";
    owed_to: "owed to", "待交";
    waited: "waited for", "等待原因";
    not_known: "not known here", "此处无记录";
    last_holder: "last proven holder", "最后可证持有者";
    went_up: "went up", "上行";
    went_down: "went down", "下行";
    links: "links", "条链路";
    colon: ": ", "：";
    semicolon: "; ", "；";
}

/// Words of the protocol, of tiers and of the audit log, for readers of Chinese.
const PROTOCOL_ZH: [(&str, &str); 63] = [
    ("flash", "特提"),
    ("immediate", "特急"),
    ("priority", "加急"),
    ("routine", "平急"),
    ("accepted", "已接收"),
    ("received", "已收到"),
    ("handed_over", "已移交"),
    ("relayed", "已转送"),
    ("delivered", "已送达"),
    ("expired", "已过期"),
    ("rejected", "已拒收"),
    ("superseded", "已被取代"),
    ("cancelled", "已撤销"),
    ("dead-lettered", "无法投递"),
    ("acknowledged", "已签收"),
    ("completed", "已办结"),
    ("failed", "办理失败"),
    ("county", "县"),
    ("township", "乡镇"),
    ("village", "村"),
    ("up", "上级"),
    ("inbox", "收件箱"),
    ("done", "完成"),
    ("refused", "已拒绝"),
    ("started", "启动"),
    ("stopped", "停止"),
    ("issued", "签发"),
    ("answered", "答复"),
    ("ended", "了结"),
    ("config_changed", "配置变更"),
    ("topology_changed", "拓扑变更"),
    ("keys_changed", "密钥变更"),
    ("certificate_renewed", "证书更新"),
    ("certificate_refused", "证书被拒"),
    ("http_refused", "HTTP 拒绝"),
    ("submit_refused", "提交被拒"),
    ("bus_refused", "总线拒绝"),
    ("hello_refused", "握手被拒"),
    ("store_replaced", "数据目录被换"),
    ("version_changed", "版本变更"),
    ("muted", "暂不接收"),
    ("frame_refused", "数据帧被拒"),
    ("quarantined", "已隔离"),
    ("unsealed", "签章无效"),
    ("forbidden", "越权"),
    ("audit_lost", "审计漏记"),
    ("audit_healed", "审计修补"),
    ("audit_damaged", "审计受损"),
    ("audit_pruned", "审计到期"),
    ("query_refused", "询问被拒"),
    ("holding", "持有中"),
    ("dark", "失联"),
    ("link_down", "链路中断"),
    ("station_down", "站点停机"),
    ("inbox_closed", "收件箱未开"),
    ("quota", "对方已满"),
    ("lane", "排队"),
    ("agreed", "一致"),
    ("gap", "有差异"),
    ("not_comparable", "无法比对"),
    ("missing_above", "上级缺失"),
    ("missing_below", "下级缺失"),
    ("other_outcome", "结果不一"),
];

impl Words {
    /// The language that they are of, for whole sentences.
    pub(super) fn lang(&self) -> Lang {
        self.lang
    }

    /// A word of the protocol in this language; what is not known stays as it is.
    pub(super) fn of<'a>(&self, word: &'a str) -> &'a str {
        match self.lang {
            Lang::En => word,
            Lang::Zh => PROTOCOL_ZH.iter().find(|(en, _)| *en == word).map_or(word, |(_, zh)| zh),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_says_something_decides() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.to_vec();
            Lang::of_environment(|name| {
                pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")]), Lang::En);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "zh")]), Lang::Zh);
        assert_eq!(of(&[]), Lang::En);
    }

    #[test]
    fn an_unknown_word_is_left_as_it_is() {
        assert_eq!((ZH.of("delivered"), EN.of("delivered")), ("已送达", "delivered"));
        assert_eq!(ZH.of("teleported"), "teleported");
    }
}
