//! Starts Kiln's commands.
fn main() {}
