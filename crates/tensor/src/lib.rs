//! What two or more of Kiln's domain crates share, over Burn tensors.
