//! Deeds seen in durable records and in the core's notices.
