//! A fine-tune on disk: the hash of the base weights, the settings, and a few scalars per step.
//!
//! Directions are derived from the seed, so a zeroth-order run is determined by what it measured: [`Entry`]
//! after [`Entry`], 4 bytes for a step of [`Mezo`](super::Mezo). [`LogWriter`] writes them as the run goes,
//! [`ReplayLog`] reads them, for a restart, another machine, an undo, or a comparison with another run
//! ([`ReplayLog::diff`]).
//!
//! # Format
//!
//! Little-endian. `check` is the CRC-32 (IEEE) of all bytes of the file before it, other checks left out, so
//! that no part can be altered, dropped, repeated or moved.
//!
//! ```text
//! log     = header block* footer?            finished exactly if there is a footer, which then ends the file
//! header  = 89 'K' 'Z' 'O' 0D 0A 1A 0A, version u16, n u32, n bytes of CBOR (LogHeader), check
//! block   = 'B', first step u64, steps u8, n u32, check, n bytes of segments, check
//! segment = steps u8, flags u8, scalars per step u16, (step size f32, anchor step size f32)?, f32*
//! footer  = 'F', steps u64, hash of the final weights u64, check
//! ```
//!
//! All blocks but the last hold 64 steps. A segment is a longest run of steps with the same step sizes and
//! number of scalars; flag 1 says that its steps were skipped (and have no scalars), flag 2 that the step
//! sizes follow because they are not those before.
//!
//! The last, incomplete block of a run that goes on lives in a second file, the log's name with `.tail`
//! appended, one record per step. When it holds 64 of them, the block is appended to the log and synced
//! before the tail is emptied: every step is whole in one of the two files. The checks of a record begin anew
//! from the header's.
//!
//! ```text
//! record  = step u64, flags u8, scalars u16, step size f32, anchor step size f32, check, f32*, check
//! ```

mod codec;
mod diff;
mod entry;
mod error;
mod files;
mod header;
mod log;
mod writer;

pub use diff::{FirstDifference, LogDiff, SettingDifference};
pub use entry::{Entry, Rates};
pub use error::LogError;
pub use header::{LogHeader, LoggedBlock};
pub use log::ReplayLog;
pub use writer::LogWriter;
