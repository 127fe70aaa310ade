//! What people in a county write.

use serde_json::{Value, json};

use crate::dice::Dice;

const TOWNSHIPS: [&str; 12] = [
    "潼川镇",
    "塔山镇",
    "龙树镇",
    "石安镇",
    "富顺镇",
    "三元镇",
    "秋林镇",
    "新德镇",
    "新生镇",
    "鲁班镇",
    "景福镇",
    "芦溪镇",
];
const PLACES: [&str; 10] = [
    "村委会门口",
    "农贸市场",
    "中心小学",
    "卫生院",
    "河堤",
    "水库大坝",
    "G247国道",
    "安置小区",
    "老街",
    "汽车站",
];
const MATTERS: [(&str, &str); 18] = [
    ("积水", "路口积水，车辆无法通行"),
    ("道路塌陷", "路面塌陷，已设置警示标志"),
    ("山体滑坡", "连日降雨，边坡有滑坡迹象，需转移群众"),
    ("森林火情", "山林冒烟，已通知护林员到场"),
    ("矛盾纠纷", "邻里因宅基地界限发生争执，已到场调解"),
    ("劳资纠纷", "工人反映工资拖欠，情绪激动"),
    ("噪音扰民", "夜间施工噪音扰民，群众投诉"),
    ("占道经营", "摊贩占道经营，影响通行"),
    ("井盖缺失", "井盖缺失，存在安全隐患"),
    ("路灯损坏", "路灯不亮，请及时维修"),
    ("垃圾堆放", "生活垃圾堆放，无人清运"),
    ("走失人员", "老人走失，身穿深色外套，请协助查找"),
    ("燃气泄漏", "居民反映有燃气味，已疏散人员"),
    ("交通事故", "两车相撞，无人员伤亡，已报警"),
    ("食品安全", "群众举报食品过期"),
    ("水位超限", "水位超过警戒线，持续上涨"),
    ("停电", "大面积停电，供电所正在抢修"),
    ("信访", "群众反映征地补偿问题，已登记"),
];
const DIRECTIVES: [(&str, &str); 5] = [
    (
        "关于做好防汛应急工作的通知",
        "各镇乡、村（社区）：根据气象部门预报，未来24小时有强降雨，请立即组织巡查地质灾害隐患点，做好群众转移准备，落实24小时值班值守，重要情况及时上报。",
    ),
    (
        "森林防火令",
        "全县进入森林高火险期，严禁一切野外用火，各村网格员加强巡山，发现火情立即报告。",
    ),
    (
        "关于开展矛盾纠纷排查化解专项行动的通知",
        "请各综治中心于本周内完成辖区矛盾纠纷排查，建立台账，逐件落实包案领导和化解措施。",
    ),
    ("关于报送安全生产检查情况的通知", "请按要求报送本月安全生产检查情况，对发现的隐患限期整改。"),
    ("停水通知", "因管网检修，明日8时至18时停水，请提前做好储水准备。"),
];
const COMMANDS: [(&str, &str); 5] = [
    ("open", "{}"),
    ("ptz", r#"{"pan":30,"tilt":-10,"zoom":2}"#),
    ("snapshot", r#"{"quality":"high"}"#),
    ("playback", r#"{"from":"2026-11-23T08:00:00+08:00","to":"2026-11-23T08:10:00+08:00"}"#),
    ("stop", "{}"),
];

/// A place, in words.
pub(crate) fn address(dice: &mut Dice) -> String {
    format!(
        "三台县{}{}村{}组{}",
        dice.pick(&TOWNSHIPS),
        dice.below(30),
        dice.below(12),
        dice.pick(&PLACES)
    )
}

/// RFC 3339 at the county's clocks.
pub(crate) fn instant(dice: &mut Dice) -> String {
    let mut two = |most| dice.below(most);
    format!(
        "2026-{:02}-{:02}T{:02}:{:02}:{:02}+08:00",
        two(12) + 1,
        two(28) + 1,
        two(24),
        two(60),
        two(60)
    )
}

/// A payload of a kind.
pub(crate) fn payload(kind: &str, about: &str, dice: &mut Dice) -> Value {
    let (category, description) = *dice.pick(&MATTERS);
    match kind {
        "incident.report" => report(category, description, dice),
        "incident.update" => json!({
            "subject": about,
            "state": dice.pick(&["accepted", "dispatched", "handled", "verified", "closed", "returned"]),
            "note": dice.pick(&["已派员到场", "已处置完毕", "现场已恢复通行", "请补充材料", "核实无误"]),
            "at": instant(dice), "by": format!("网格员{}", dice.below(60)),
        }),
        "directive.issue" => {
            let (title, text) = *dice.pick(&DIRECTIVES);
            json!({"title": title, "text": text, "due": instant(dice),
                   "requires": dice.pick(&["delivered", "acknowledged", "completed"])})
        }
        "broadcast.issue" => {
            let (title, text) = *dice.pick(&DIRECTIVES);
            json!({"title": title, "text": text, "level": dice.pick(&["红色", "橙色", "黄色", "蓝色"]),
                   "repeat": dice.below(5) + 1})
        }
        "case.open" => json!({
            "case": about, "class": dice.pick(&["一般", "普通", "重大"]), "category": category,
            "title": format!("{}{category}", dice.pick(&TOWNSHIPS)), "description": description,
            "parties": [format!("当事人{}", dice.below(90)), format!("当事人{}", dice.below(90))],
        }),
        "case.attempt" => json!({
            "case": about, "at": instant(dice), "mediator": format!("调解员{}", dice.below(40)),
            "result": dice.pick(&["未达成一致", "部分达成一致", "当事人未到场"]),
            "note": "双方各执一词，约定下次再调",
        }),
        "case.apply" => {
            json!({"case": about, "reason": "三次调解未果，申请上级介入", "attempts": 3})
        }
        "case.close" => {
            json!({"case": about, "at": instant(dice), "agreement": "双方达成协议，当场履行"})
        }
        _ => {
            let (command, params) = *dice.pick(&COMMANDS);
            let params: Value = serde_json::from_str(params).unwrap();
            json!({"device_id": format!("5107221{:013}", dice.below(50_000)), "command": command, "params": params})
        }
    }
}

fn report(category: &str, description: &str, dice: &mut Dice) -> Value {
    let severity =
        *dice.pick(&["general", "general", "general", "significant", "major", "critical"]);
    let mut report = json!({
        "category": category, "severity": severity, "description": description,
        "occurred_at": instant(dice),
    });
    if dice.below(2) == 0 {
        report["lat"] = json!(31.0 + dice.below(2_000_000) as f64 / 10_000_000.0);
        report["lng"] = json!(105.0 + dice.below(2_000_000) as f64 / 10_000_000.0);
        report["address"] = json!(address(dice));
    }
    if dice.below(3) == 0 {
        report["reporter"] = json!(format!("网格员{}", dice.below(60)));
        report["source_code"] = json!(format!("{:04}", dice.below(400)));
    }
    report
}
