//! A second writer of the format, from its description alone.

use std::fs;

use crc32fast::Hasher;
use kiln_optim::zeroth_order::{Entry, LogHeader, LogWriter, Rates, ReplayLog};

use super::{append, bytes, entry, header as logged, tail};

pub(super) struct Checked {
    pub(super) bytes: Vec<u8>,
    pub(super) crc: Hasher,
}

impl Checked {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self.crc.update(bytes);
        self
    }

    fn check(&mut self) {
        self.bytes.extend(self.crc.clone().finalize().to_le_bytes());
    }

    fn rates(&mut self, rates: Rates) {
        self.put(&rates.step_size.to_le_bytes()).put(&rates.anchor_step_size.to_le_bytes());
    }
}

pub(super) fn header(header: &LogHeader) -> Checked {
    let mut cbor = Vec::new();
    ciborium::into_writer(header, &mut cbor).unwrap();
    let mut out = Checked { bytes: Vec::new(), crc: Hasher::new() };
    out.put(&[0x89]).put(b"KZO\r\n\x1a\n").put(&2_u16.to_le_bytes());
    out.put(&(cbor.len() as u32).to_le_bytes()).put(&cbor).check();
    out
}

pub(super) fn record(step: u64, entry: &Entry) -> Vec<u8> {
    let mut out = Checked { bytes: Vec::new(), crc: header(&logged()).crc };
    let scalars = entry.scalars.clone().unwrap_or_default();
    out.put(&step.to_le_bytes()).put(&[u8::from(entry.scalars.is_none())]);
    out.put(&(scalars.len() as u16).to_le_bytes()).rates(entry.rates);
    out.check();
    for scalar in &scalars {
        out.put(&scalar.to_le_bytes());
    }
    out.check();
    out.bytes
}

#[test]
fn the_bytes_are_as_described() {
    let entries = [
        entry(1.0, Some(&[0.5])),
        entry(1.0, Some(&[-0.5])),
        entry(1.0, None),
        entry(2.0, Some(&[3.0, 4.0])),
    ];
    let mut out = header(&logged());
    out.put(b"B").put(&0_u64.to_le_bytes()).put(&[4]).put(&44_u32.to_le_bytes()).check();
    out.put(&[2, 2, 1, 0]).rates(entries[0].rates);
    out.put(&0.5_f32.to_le_bytes()).put(&(-0.5_f32).to_le_bytes());
    out.put(&[1, 1, 0, 0]);
    out.put(&[1, 2, 2, 0]).rates(entries[3].rates);
    out.put(&3.0_f32.to_le_bytes()).put(&4.0_f32.to_le_bytes()).check();
    out.put(b"F").put(&4_u64.to_le_bytes()).put(&77_u64.to_le_bytes()).check();
    assert_eq!(bytes(&entries, Some(77)), out.bytes);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &logged()).unwrap();
    append(&mut writer, &entries);
    let records: Vec<u8> = (0..).zip(&entries).flat_map(|(step, entry)| record(step, entry)).collect();
    assert_eq!(fs::read(tail(&path)).unwrap(), records);
    assert_eq!(fs::read(&path).unwrap(), header(&logged()).bytes);
}

/// A block of steps with one scalar, all of them 1.
fn block(out: &mut Checked, first: u64, steps: u8) {
    let scalars = 4 * u32::from(steps);
    out.put(b"B").put(&first.to_le_bytes()).put(&[steps]).put(&(12 + scalars).to_le_bytes()).check();
    out.put(&[steps, 2, 1, 0]).rates(entry(1.0, None).rates);
    for _ in 0..steps {
        out.put(&1_f32.to_le_bytes());
    }
    out.check();
}

fn footer(out: &mut Checked, steps: u64) {
    out.put(b"F").put(&steps.to_le_bytes()).put(&7_u64.to_le_bytes()).check();
}

/// With right checks, but not as a log is.
#[test]
fn what_no_writer_writes_is_refused() {
    type Write = fn(&mut Checked);
    let good: Write = |out| {
        block(out, 0, 64);
        block(out, 64, 3);
        footer(out, 67);
    };
    let bad: [(Write, &str); 10] = [
        (|out| block(out, 1, 64), "not written by a log writer"),
        (|out| block(out, 0, 65), "not written by a log writer"),
        (|out| block(out, 0, 0), "not written by a log writer"),
        (|out| [block(out, 0, 3), block(out, 3, 64)].into_iter().collect(), "follows an incomplete one"),
        (|out| footer(out, 1), "counts other steps"),
        (|out| [block(out, 0, 3), footer(out, 4)].into_iter().collect(), "counts other steps"),
        (|out| [footer(out, 0), footer(out, 0)].into_iter().collect(), "follow the end"),
        (|out| [footer(out, 0), block(out, 0, 64)].into_iter().collect(), "follow the end"),
        (|out| out.put(b"X").check(), "neither a block nor the end"),
        (
            |out| {
                // A segment of a step more than the block has.
                out.put(b"B").put(&[0; 8]).put(&[1]).put(&20_u32.to_le_bytes()).check();
                out.put(&[2, 2, 1, 0]).put(&[0; 16]).check();
            },
            "not written by a log writer",
        ),
    ];
    let read = |write: Write| {
        let mut out = header(&logged());
        write(&mut out);
        ReplayLog::from_bytes(&out.bytes)
    };
    assert_eq!(read(good).unwrap().entries, vec![entry(1.0, Some(&[1.0])); 67]);
    for (write, message) in bad {
        let error = read(write).unwrap_err();
        assert!(error.to_string().contains(message), "{error} is not {message}");
    }
}
