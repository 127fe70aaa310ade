//! Decoding any bytes gives a value or a typed error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use yizhan_schemas::frame::{Body, Frame};
use yizhan_schemas::{Code, Envelope, Kind, MessageId, Selector};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_a_value_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..400), version in any::<bool>()) {
        if version && !bytes.is_empty() {
            bytes[0] = yizhan_schemas::codec::VERSION;
        }
        let bytes = Bytes::from(bytes);
        let _ = Frame::decode(&bytes);
        let _ = Body::decode(&bytes);
        let _ = Envelope::read(bytes);
    }

    #[test]
    fn any_text_is_a_value_that_reads_back_or_an_error(text in "\\PC{0,60}|[0-9a-z.*>:@,-]{0,40}") {
        if let Ok(code) = Code::parse(&text) { prop_assert_eq!(code.as_str(), text.as_str()); }
        if let Ok(kind) = Kind::parse(&text) { prop_assert_eq!(kind.as_str(), text.as_str()); }
        if let Ok(id) = MessageId::parse(&text) { prop_assert_eq!(id.to_string(), text.clone()); }
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
        }
    }
}
