//! A state as bytes, and back.
//!
//! The bytes are a mark, the length of what follows as `u64`, three values in CBOR (the header of a log of
//! the run, without its base hash; what the state holds; the cycle of an anchor that is kept by its updates),
//! and the CRC-32 of all before it. Numbers are little-endian.

use kiln_tensor::Blocks;

use super::Tuner;
use crate::OptimError;
use crate::zeroth_order::anchor::{AnchorStorage, Cycle};
use crate::zeroth_order::method::ZerothOrder;
use crate::zeroth_order::replay_log::{LogHeader, SettingDifference};
use crate::zeroth_order::state::{Kept, TunerState};

const MARK: &[u8; 8] = b"KILNZO02";

fn unfit(what: impl Into<String>) -> OptimError {
    OptimError::State(what.into())
}

impl<M: ZerothOrder> Tuner<M> {
    /// Everything of a state but the point and copies of it, as bytes: with the point saved beside them, a
    /// checkpoint. They carry the method's name, all settings and the names, shapes and types of the point's
    /// blocks.
    ///
    /// # Errors
    /// When the state holds a copy of an anchor that the next step needs: save where the next step sets a new
    /// anchor (with MeZO-SVRG every `anchor_period` steps) or keep anchors by `Replay`.
    pub fn save<V: Blocks>(&self, state: &mut TunerState<V>) -> Result<Vec<u8>, OptimError> {
        if !self.can_save(state) {
            return Err(unfit(format!(
                "step {} needs the anchor's copy, which checkpoints do not hold",
                state.step()
            )));
        }
        let header = self.header(state, 0, String::new())?;
        let cycle = state.cycle.as_ref().filter(|cycle| !cycle.needs_copies());
        let cycle = cycle.map(Cycle::without_vectors::<()>);
        let mut bytes = MARK.to_vec();
        bytes.extend([0; 8]);
        ciborium::into_writer(&(header, &state.kept, cycle), &mut bytes).map_err(|e| unfit(e.to_string()))?;
        let length = (bytes.len() - 16) as u64;
        bytes[8..16].copy_from_slice(&length.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// Whether [`save`](Self::save) can be called here.
    pub fn can_save<V>(&self, state: &TunerState<V>) -> bool {
        self.method.forgets_before(state.kept.step)
            || matches!(self.method.storage(), None | Some(AnchorStorage::Replay))
    }

    /// The state that [`save`](Self::save) wrote, at the point that was saved with it.
    ///
    /// # Errors
    /// [`OptimError::State`] when the bytes are no such state or damaged, or of another method, of other
    /// settings, or of a point with other blocks: it names what differs.
    pub fn load<V: Blocks>(&self, bytes: &[u8], point: V) -> Result<TunerState<V>, OptimError> {
        let damaged = || unfit("the bytes are cut off or damaged, or of no zeroth-order run");
        let (contents, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        let (mark, rest) = contents.split_first_chunk::<8>().ok_or_else(damaged)?;
        let (length, values) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        if mark != MARK
            || u64::from_le_bytes(*length) != values.len() as u64
            || u32::from_le_bytes(*crc) != crc32fast::hash(contents)
        {
            return Err(damaged());
        }
        let (header, kept, cycle): (LogHeader, Kept, Option<Cycle<()>>) =
            ciborium::from_reader(values).map_err(|e| unfit(e.to_string()))?;
        let cycle = cycle.map(|cycle| cycle.without_vectors());
        let mut state = TunerState { point, kept, cycle };
        let mine = self.header(&mut state, 0, String::new())?;
        if let Some(difference) = header.first_difference(&mine) {
            let SettingDifference { name, left, right } = difference;
            return Err(unfit(format!("{name} is {right}, but the checkpoint says {left}")));
        }
        let lengths = mine.manifest.iter().map(|block| block.length as usize);
        if !lengths.eq(state.kept.layout.lengths.iter().copied()) {
            return Err(unfit("it is of a point with other blocks"));
        }
        Ok(state)
    }
}
