//! What crosses Kiln's crates: README, reports, resume after a kill.
