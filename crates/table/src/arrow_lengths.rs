//! What a damaged Arrow file may make its reader ask for: more memory than there is, which ends the process.

use arrow_ipc::{Block, MessageHeader, root_as_footer, root_as_message};
use arrow_schema::ArrowError;

/// How much larger a buffer can be than its compressed form: zstd's runs of one byte.
const RATIO: u64 = 1 << 16;
/// No buffer of a table is larger.
const LARGEST: u64 = 1 << 36;

/// Refuses compressed buffers that say that they are larger than they can be.
pub(crate) fn check_lengths(bytes: &[u8]) -> Result<(), ArrowError> {
    let damaged = |what: &str| ArrowError::IpcError(format!("{what} lies outside the file"));
    let tail = bytes.len().checked_sub(10).ok_or_else(|| damaged("the footer"))?;
    let length = number(bytes, tail, 4).ok_or_else(|| damaged("the footer"))?;
    let start = usize::try_from(length).ok().and_then(|length| tail.checked_sub(length));
    let footer = start.and_then(|start| bytes.get(start..tail)).ok_or_else(|| damaged("the footer"))?;
    let footer = root_as_footer(footer).map_err(|error| ArrowError::IpcError(error.to_string()))?;
    let blocks = [footer.dictionaries(), footer.recordBatches()];
    for block in blocks.into_iter().flatten().flatten() {
        check_block(bytes, block).ok_or_else(|| damaged("a buffer"))?;
    }
    Ok(())
}

/// None where something does not fit.
fn check_block(bytes: &[u8], block: &Block) -> Option<()> {
    let start = usize::try_from(block.offset()).ok()?;
    let metadata = usize::try_from(block.metaDataLength()).ok()?;
    let body = start.checked_add(metadata)?;
    let end = body.checked_add(usize::try_from(block.bodyLength()).ok()?)?;
    let message = bytes.get(start..body)?;
    let body = bytes.get(body..end)?;
    // A sign of continuation stands before the length of the message, but in old files.
    let skipped = if message.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = root_as_message(message.get(skipped..)?).ok()?;
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch()?,
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch()?.data()?,
        _ => return Some(()),
    };
    if batch.compression().is_none() {
        return Some(());
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let (start, length) = (usize::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?);
        if length == 0 {
            continue;
        }
        let size = number(body, start, 8)?;
        let most = length.saturating_mul(RATIO).min(LARGEST);
        // All ones say that the buffer is not compressed.
        if size > most && size != u64::MAX {
            return None;
        }
    }
    Some(())
}

/// A number of so many bytes, the least first.
fn number(bytes: &[u8], start: usize, count: usize) -> Option<u64> {
    let bytes = bytes.get(start..start.checked_add(count)?)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
