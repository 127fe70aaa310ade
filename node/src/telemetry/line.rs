//! [`Named`]: lines of the log that name their station.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A form of lines, and before what it writes the station's code: of an object the first member,
/// else the first word.
#[derive(Debug)]
pub(super) struct Named<F> {
    pub(super) station: String,
    pub(super) form: F,
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.form.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(members) => write!(writer, "{{\"station\":\"{}\",{members}", self.station),
            None => write!(writer, "{} {line}", self.station),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::{JsonFields, format};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Page {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn say() {
        tracing::warn!(event = "link_down", link = "up", "the {} went", "session");
    }

    #[test]
    fn an_object_has_the_station_and_all_that_it_had() {
        let (page, station) = (Page::default(), "510722.101".to_owned());
        let form = format().json().flatten_event(true);
        let log = tracing_subscriber::fmt().with_writer(page.clone());
        let log = log.fmt_fields(JsonFields::new()).event_format(Named { station, form });
        tracing::subscriber::with_default(log.finish(), say);
        let line: serde_json::Value = serde_json::from_str(&page.text()).unwrap();
        assert_eq!(line["station"], "510722.101");
        assert_eq!(line["event"], "link_down");
        assert_eq!(line["link"], "up");
        assert_eq!(line["message"], "the session went");
        assert_eq!(line["level"], "WARN");
    }

    #[test]
    fn people_read_the_station_first() {
        let (page, station) = (Page::default(), "510722.101".to_owned());
        let form = format().with_ansi(false).without_time();
        let log = tracing_subscriber::fmt().with_writer(page.clone());
        let log = log.event_format(Named { station, form });
        tracing::subscriber::with_default(log.finish(), say);
        let text = page.text();
        assert!(text.starts_with("510722.101  WARN "), "{text}");
        assert!(text.contains("the session went event=\"link_down\" link=\"up\"\n"), "{text}");
    }
}
