//! The binary `yizhan`.
fn main() {}
