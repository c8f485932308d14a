//! Kiln's receipts: each paper's experiments, claim by claim.

pub mod data;
