//! Bytes from a neighbour: every reader of the wire gives a value or a typed error, and what was
//! read is written again as something that reads as the same value.
//!
//! A re-encoding may differ from the bytes read (MessagePack has many ways to write a number, and
//! we write names where an array would read as well), and may so be longer than the limit; but
//! from then on the bytes stay as they are.

use std::fmt::Debug;

use bytes::Bytes;
use yizhan_schemas::Envelope;
use yizhan_schemas::codec::CodecError;
use yizhan_schemas::frame::{Body, Frame, Record};
use yizhan_schemas::payload::receipt::Fold;

/// Gives the bytes to each reader, and what lies inside what was read to the next one.
///
/// # Panics
/// A value that does not read back as itself.
pub fn codec(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    if let Some(Frame::Batch(batch)) = frame(&bytes) {
        body(&batch.body);
    }
    body(&bytes);
    envelope(&bytes);
    fold(&bytes);
}

fn frame(bytes: &Bytes) -> Option<Frame> {
    let read = Frame::decode(bytes).ok()?;
    reads_back(&read, Frame::encode, |bytes| Frame::decode(bytes));
    Some(read)
}

fn body(bytes: &Bytes) {
    let Ok(read) = Body::decode(bytes) else { return };
    reads_back(&read, Body::encode, Body::decode);
    for record in &read.records {
        assert!(record.span() > 0, "every record stands for some leg");
        if let Record::Carried(carried) = record {
            envelope(&carried.envelope);
        }
    }
}

fn envelope(bytes: &Bytes) {
    let Ok(read) = Envelope::read(bytes.clone()) else { return };
    assert_eq!(read.bytes(), bytes, "an envelope keeps the bytes that it was read from");
    let made = match Envelope::make(read.header().clone(), read.payload()) {
        Ok(made) => made,
        Err(fault) => return assert_is_length(&fault),
    };
    assert_eq!((made.header(), made.payload()), (read.header(), read.payload()));
    let again = Envelope::make(made.header().clone(), made.payload()).expect("it was made before");
    assert_eq!(again.bytes(), made.bytes());
    let id = read.header().id();
    assert_eq!(id.to_string().parse().as_ref(), Ok(&id), "an id reads back from its text");
    fold(read.payload());
}

fn fold(bytes: &Bytes) {
    let Ok(read) = Fold::decode(bytes) else { return };
    reads_back(&read, Fold::encode, |bytes| Fold::decode(bytes));
    for note in &read.notes {
        assert!(note.ids(3).count() <= 3, "a note of many messages names no more than asked for");
    }
}

fn reads_back<T: PartialEq + Debug>(
    read: &T,
    encode: impl Fn(&T) -> Result<Bytes, CodecError>,
    decode: impl Fn(&Bytes) -> Result<T, CodecError>,
) {
    let bytes = match encode(read) {
        Ok(bytes) => bytes,
        Err(fault) => return assert_is_length(&fault),
    };
    let again = decode(&bytes).expect("what we write, we read");
    assert_eq!(again, *read);
    assert_eq!(encode(&again), Ok(bytes), "the second encoding is the first one");
}

fn assert_is_length(fault: &CodecError) {
    let length = matches!(fault, CodecError::TooLarge { .. });
    assert!(length, "what was read cannot be written again: {fault}");
}
