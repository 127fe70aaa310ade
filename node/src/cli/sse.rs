//! [`Events`]: server-sent events out of the pieces in which they arrive.

/// Longest event, in bytes; a message's own limit is below it.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// What is left of the stream so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    unread: Vec<u8>,
    data: String,
}

/// An event that is longer than any station sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Events {
    /// Takes the next piece; gives the data of each event that is now whole.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        self.unread.extend_from_slice(piece);
        let mut whole = Vec::new();
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\r', '\n']), &mut whole);
        }
        if self.unread.len() + self.data.len() > EVENT_BYTES_MAX { Err(TooLong) } else { Ok(whole) }
    }

    fn line(&mut self, line: &str, whole: &mut Vec<String>) {
        if line.is_empty() {
            if !self.data.is_empty() {
                whole.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        // comments keep the connection alive; names and ids of events are in the data as well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_given_once_it_is_whole_however_it_is_cut() {
        let text =
            ": hello\n\nevent: delivered\ndata: {\"名\":1}\r\n\ndata:a\ndata: b\n\ndata: half";
        for cut in 1..text.len() {
            let mut events = Events::default();
            let pieces = text.as_bytes().chunks(cut);
            let all: Vec<String> = pieces.flat_map(|piece| events.take(piece).unwrap()).collect();
            assert_eq!(all, ["{\"名\":1}", "a\nb"], "{cut}");
        }
    }

    #[test]
    fn an_endless_event_ends_the_reading() {
        let mut events = Events::default();
        let piece = vec![b'x'; EVENT_BYTES_MAX];
        assert_eq!(events.take(&piece), Ok(vec![]));
        assert_eq!(events.take(b"x"), Err(TooLong));
    }
}
