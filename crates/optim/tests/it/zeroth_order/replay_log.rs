//! The replay log: what is written is read, what was damaged is refused, what a crash leaves is recovered.

use std::fs;
use std::path::{Path, PathBuf};

use ciborium::Value;
use crc32fast::Hasher;
use kiln_optim::zeroth_order::replay_log::FirstDifference;
use kiln_optim::zeroth_order::{Entry, LogError, LogHeader, LogWriter, LoggedBlock, Rates, ReplayLog};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    method: Method,
    batch_size: usize,
    clip: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    Mezo { step_size: f32, eps: f32 },
}

fn settings() -> Settings {
    Settings { method: Method::Mezo { step_size: 1e-6, eps: 1e-3 }, batch_size: 16, clip: None }
}

fn header() -> LogHeader {
    let block = |name: &str, shape: &[usize], grid_exponent| LoggedBlock {
        name: name.to_owned(),
        shape: shape.to_vec(),
        dtype: "f32".to_owned(),
        length: shape.iter().product::<usize>() as u64,
        grid_exponent,
    };
    let manifest = vec![block("layer.weight", &[4, 3], None), block("layer.bias", &[3], Some(-24))];
    let note = "a model, some data";
    LogHeader::new("philox4x32-10", &settings(), 42, 1000, manifest, 0x0123_4567_89ab_cdef, note).unwrap()
}

fn entry(step_size: f32, scalars: Option<&[f32]>) -> Entry {
    let rates = Rates { step_size, anchor_step_size: 10.0 * step_size };
    Entry { rates, scalars: scalars.map(<[f32]>::to_vec) }
}

/// Steps with everything in them: skipped ones, several scalars and none, rates that change.
fn steps(count: usize) -> Vec<Entry> {
    (0..count)
        .map(|i| {
            let value = |k: usize| ((i * 7 + k * 3) as f32).sin();
            let step_size = if i < 40 { 1e-3 } else { 5e-4 };
            match i % 11 {
                3 => entry(step_size, None),
                5 | 6 => entry(step_size, Some(&[value(0), value(1)])),
                7 => entry(2.0 * step_size, Some(&[value(0)])),
                8 => entry(step_size, Some(&[])),
                _ => entry(step_size, Some(&[value(0)])),
            }
        })
        .collect()
}

fn append(writer: &mut LogWriter, entries: &[Entry]) {
    for entry in entries {
        writer.append(entry).unwrap();
    }
}

fn write(path: &Path, entries: &[Entry], final_hash: u64) {
    let mut writer = LogWriter::create(path, &header()).unwrap();
    append(&mut writer, entries);
    writer.finish(final_hash).unwrap();
}

fn bytes(entries: &[Entry], final_hash: Option<u64>) -> Vec<u8> {
    ReplayLog::new(header(), entries.to_vec(), final_hash).to_bytes().unwrap()
}

fn tail(path: &Path) -> PathBuf {
    path.with_extension("zo.tail")
}

/// A second writer of the format, from its description alone.
mod described {
    use super::*;

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
        out.put(&[0x89]).put(b"KZO\r\n\x1a\n").put(&1_u16.to_le_bytes());
        out.put(&(cbor.len() as u32).to_le_bytes()).put(&cbor).check();
        out
    }

    pub(super) fn record(step: u64, entry: &Entry) -> Vec<u8> {
        let mut out = Checked { bytes: Vec::new(), crc: header(&super::header()).crc };
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
        let mut out = header(&super::header());
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
        let mut writer = LogWriter::create(&path, &super::header()).unwrap();
        append(&mut writer, &entries);
        let records: Vec<u8> = (0..).zip(&entries).flat_map(|(step, entry)| record(step, entry)).collect();
        assert_eq!(fs::read(tail(&path)).unwrap(), records);
        assert_eq!(fs::read(&path).unwrap(), header(&super::header()).bytes);
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
            let mut out = header(&super::header());
            write(&mut out);
            ReplayLog::from_bytes(&out.bytes)
        };
        assert_eq!(read(good).unwrap().entries, vec![entry(1.0, Some(&[1.0])); 67]);
        for (write, message) in bad {
            let error = read(write).unwrap_err();
            assert!(error.to_string().contains(message), "{error} is not {message}");
        }
    }
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let rate = prop_oneof![4 => Just(1e-3_f32), 1 => any::<f32>()];
    // Rates seldom change, so that segments come out longer than one step.
    let scalars = prop_oneof![
        6 => proptest::collection::vec(any::<f32>(), 1..=1).prop_map(Some),
        2 => proptest::collection::vec(any::<f32>(), 0..5).prop_map(Some),
        1 => Just(None),
    ];
    let entry = (rate, scalars).prop_map(|(step_size, scalars)| Entry {
        rates: Rates { step_size, anchor_step_size: 1e-2 },
        scalars,
    });
    proptest::collection::vec(entry, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_is_read(entries in any_entries(), final_hash: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.zo");
        write(&path, &entries, final_hash);
        let log = ReplayLog::open(&path).unwrap();
        prop_assert_eq!(&log, &ReplayLog::new(header(), entries.clone(), Some(final_hash)));
        prop_assert_eq!(log.header.settings::<Settings>().unwrap(), settings());
        prop_assert!(log.is_finished() && log.lost() == 0);
        prop_assert!(!tail(&path).exists());
        // One run, one sequence of bytes.
        prop_assert_eq!(fs::read(&path).unwrap(), bytes(&entries, Some(final_hash)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(start in 0_usize..200, noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let good = bytes(&steps(70), None);
        let log = ReplayLog::from_bytes(&[&good[..start.min(good.len())], &noise[..]].concat());
        prop_assert!(log.is_err() || !log.unwrap().is_finished());
        prop_assert!(ReplayLog::from_bytes(&noise).is_err());
    }
}

#[test]
fn bits_of_special_numbers_are_kept() {
    let nan = f32::from_bits(0x7fc1_2345);
    let special = [nan, -0.0, f32::INFINITY, f32::MIN_POSITIVE / 2.0];
    let log = ReplayLog::from_bytes(&bytes(&[entry(nan, Some(&special))], Some(0))).unwrap();
    let bits = |scalars: &[f32]| scalars.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(log.entries[0].scalars.as_ref().unwrap()), bits(&special));
    assert_eq!(log.entries[0].rates.step_size.to_bits(), nan.to_bits());
}

#[test]
fn every_changed_byte_is_noticed() {
    let good = bytes(&steps(70), Some(7));
    for at in 0..good.len() {
        let mut bad = good.clone();
        for value in (0..=255).filter(|&value| value != good[at]) {
            bad[at] = value;
            let error = ReplayLog::from_bytes(&bad).expect_err("a byte was changed");
            match (at, &error) {
                (0..8, LogError::NotALog)
                | (8..10, LogError::Version { supported: 1, .. })
                | (10..14, LogError::Truncated { .. } | LogError::Damaged { block: 0, .. })
                | (14.., LogError::Damaged { .. }) => {}
                _ => panic!("byte {at} as {value}: {error:?}"),
            }
        }
    }
}

#[test]
fn a_log_that_is_cut_anywhere_is_unfinished() {
    let entries = steps(150);
    let good = bytes(&entries, Some(7));
    let header = described::header(&header()).bytes.len();
    let mut most = 0;
    for length in 0..good.len() {
        match ReplayLog::from_bytes(&good[..length]) {
            Err(LogError::NotALog) => assert_eq!(length, 0),
            Err(LogError::Truncated { length: found }) => {
                assert!(length < header && found == length as u64);
            }
            Err(error) => panic!("cut to {length}: {error:?}"),
            Ok(log) => {
                assert!(length >= header && !log.is_finished());
                assert_eq!(log.entries, entries[..log.entries.len()]);
                assert!([0, 64, 128, 150].contains(&log.entries.len()) && log.entries.len() >= most);
                most = log.entries.len();
                // What is left plus what was lost is the file.
                let kept = bytes(&log.entries, None);
                assert_eq!(kept.len() as u64 + log.lost(), length as u64);
            }
        }
    }
    assert_eq!(most, 150);
}

#[test]
fn blocks_cannot_be_dropped_swapped_or_repeated() {
    let entries: Vec<_> = (0..192).map(|i| entry(1.0, Some(&[i as f32]))).collect();
    let end = |steps: usize| bytes(&entries[..steps], None).len();
    let all = bytes(&entries, Some(7));
    let [head, one, two, three] =
        [0..end(0), end(0)..end(64), end(64)..end(128), end(128)..end(192)].map(|range| &all[range]);
    let footer = &all[end(192)..];
    assert_eq!(ReplayLog::from_bytes(&[head, one, two, three, footer].concat()).unwrap().entries, entries);
    for (parts, bad) in [
        (vec![head, two, three, footer], 1),
        (vec![head, one, three, footer], 2),
        (vec![head, one, two, footer], 3),
        (vec![head, two, one, three, footer], 1),
        (vec![head, one, one, two, three, footer], 2),
        (vec![head, one, two, three, footer, footer], 4),
        (vec![head, one, two, three, three, footer], 4),
        (vec![head, one, two, three, footer, &[0]], 4),
    ] {
        match ReplayLog::from_bytes(&parts.concat()) {
            Err(LogError::Damaged { block, .. }) => assert_eq!(block, bad),
            other => panic!("{other:?}"),
        }
    }
}

/// Whatever the moment of a crash: the files as they are then, with the last write cut.
#[test]
fn a_crash_loses_at_most_the_last_step() {
    let entries = steps(140);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let crashed = folder.path().join("crashed.zo");
    let finished = bytes(&entries, Some(7));
    let full = [0, 64, 128].map(|steps| bytes(&entries[..steps], None));
    let mut images = 0;
    // `whole` says that no step is being written: then nothing may be lost.
    let mut check = |main: &[u8], records: Option<&[u8]>, done: usize, whole: bool| {
        let _ = fs::remove_file(tail(&crashed));
        fs::write(&crashed, main).unwrap();
        if let Some(records) = records {
            fs::write(tail(&crashed), records).unwrap();
        }
        let log = ReplayLog::open(&crashed).unwrap();
        assert!(log.entries.len() >= done, "{} of {done} steps were recovered", log.entries.len());
        assert_eq!(log.entries, entries[..log.entries.len()]);
        assert!(log.lost() == 0 || (!whole && log.entries.len() == done));
        // Resuming syncs files: not every image.
        if images % 61 == 0 {
            let (mut writer, log) = LogWriter::resume(&crashed, &header()).unwrap();
            // Nothing incomplete stays in the log: full blocks, but for one that is still in the tail.
            assert!(full.contains(&fs::read(&crashed).unwrap()));
            append(&mut writer, &entries[log.entries.len()..]);
            writer.finish(7).unwrap();
            assert_eq!(fs::read(&crashed).unwrap(), finished);
        }
        images += 1;
    };
    let files = || (fs::read(&path).unwrap(), fs::read(tail(&path)).unwrap());

    let mut writer = LogWriter::create(&path, &header()).unwrap();
    for (step, entry) in entries.iter().enumerate() {
        let (main, records) = files();
        writer.append(entry).unwrap();
        let (main_after, records_after) = files();
        if main_after.len() > main.len() {
            // A full block moved: first into the log, then out of the tail.
            (main.len()..=main_after.len())
                .for_each(|end| check(&main_after[..end], Some(&records), step, true));
            assert!(step > 0 && step.is_multiple_of(64));
        }
        let before = if main_after.len() > main.len() { Vec::new() } else { records };
        let written = [before.clone(), described::record(step as u64, entry)].concat();
        assert_eq!(records_after, written);
        // Every byte of a record around the ends of blocks, some elsewhere.
        let some = if (12..54).contains(&(step % 64)) { 11 } else { 1 };
        for end in (before.len()..=written.len()).step_by(some) {
            check(&main_after, Some(&written[..end]), step, false);
        }
    }
    let (main, records) = files();
    writer.finish(7).unwrap();
    assert_eq!(fs::read(&path).unwrap(), finished);
    (main.len()..=finished.len()).for_each(|end| check(&finished[..end], Some(&records), 140, true));
    check(&finished, None, 140, true);
    assert!(images > 2000, "{images}");
}

/// File systems may write a block's pages in any order, and leave zeros for those that were not.
#[test]
fn a_block_of_zeros_is_recovered_from_the_tail() {
    let entries = steps(65);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    append(&mut writer, &entries[..64]);
    let records = fs::read(tail(&path)).unwrap();
    writer.append(&entries[64]).unwrap();
    drop(writer);
    let start = bytes(&[], None).len();
    let mut main = fs::read(&path).unwrap();
    main[start..].fill(0);
    fs::write(&path, &main).unwrap();
    // The tail has moved on: the block is nowhere.
    assert!(matches!(ReplayLog::open(&path), Err(LogError::Damaged { block: 1, .. })));
    fs::write(tail(&path), &records).unwrap();
    let log = ReplayLog::open(&path).unwrap();
    assert_eq!((&log.entries[..], log.lost()), (&entries[..64], 0));
    // More than that block is no crash.
    fs::write(&path, [main, vec![0; 64]].concat()).unwrap();
    assert!(matches!(ReplayLog::open(&path), Err(LogError::Damaged { block: 1, .. })));
}

#[test]
fn a_damaged_tail_is_refused_and_a_torn_one_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    let entries = vec![entry(1.0, Some(&[0.5])); 5];
    append(&mut writer, &entries);
    drop(writer);
    let records = fs::read(tail(&path)).unwrap();
    let length = records.len() / 5;
    let with = |records: &[u8]| {
        fs::write(tail(&path), records).unwrap();
        ReplayLog::open(&path)
    };
    for at in 0..records.len() {
        let mut bad = records.clone();
        bad[at] ^= 0x10;
        match with(&bad) {
            Err(LogError::Damaged { block: 1, offset, .. }) => {
                assert!(at < 4 * length + 23);
                assert_eq!(offset as usize, at / length * length);
            }
            // A last record with wrong bytes is one that was not written to its end.
            Ok(log) => {
                assert!(at >= 4 * length + 23 && !log.is_finished());
                assert_eq!((log.entries.len(), log.lost()), (4, length as u64));
            }
            other => panic!("byte {at}: {other:?}"),
        }
    }
    let zeros = with(&[&records[..], &[0; 100]].concat()).unwrap();
    assert_eq!((zeros.entries.len(), zeros.lost()), (5, 100));
    // Steps that are missing, out of order, or of another run.
    assert!(with(&records[length..]).is_err());
    assert!(with(&[&records[..length], &records[2 * length..]].concat()).is_err());
    fs::write(&path, bytes(&[entry(1.0, Some(&[0.75]))], None)).unwrap();
    assert!(with(&records).unwrap_err().to_string().contains("other steps than the log"));
    fs::write(&path, bytes(&entries[..2], Some(7))).unwrap();
    assert!(with(&records).unwrap_err().to_string().contains("goes on after the end"));
}

#[test]
fn resuming_after_every_step_gives_the_bytes_of_an_uninterrupted_run() {
    let entries = steps(150);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    LogWriter::create(&path, &header()).unwrap();
    // Another note is another program version, not another run.
    let newer = LogHeader { note: "version 2".to_owned(), ..header() };
    for (step, entry) in entries.iter().enumerate() {
        let (mut writer, log) = LogWriter::resume(&path, &newer).unwrap();
        assert_eq!((writer.steps(), log.entries.len(), log.lost()), (step as u64, step, 0));
        writer.append(entry).unwrap();
        writer.sync().unwrap();
    }
    LogWriter::resume(&path, &newer).unwrap().0.finish(7).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes(&entries, Some(7)));

    // A finished run goes on too, as does one that came in one piece.
    let more = steps(200);
    for partial in [bytes(&entries, Some(7)), bytes(&entries, None)] {
        fs::write(&path, partial).unwrap();
        let (mut writer, log) = LogWriter::resume(&path, &header()).unwrap();
        assert_eq!(log.entries, more[..150]);
        append(&mut writer, &more[150..]);
        writer.finish(8).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes(&more, Some(8)));
    }
}

#[test]
fn a_long_run_is_small() {
    let parts =
        ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "self_attn_layer_norm", "final_layer_norm"];
    let names = (0..7).flat_map(|layer| {
        parts.iter().flat_map(move |part| {
            ["weight", "bias"].map(|kind| format!("model.decoder.layers.{layer}.self_attn.{part}.{kind}"))
        })
    });
    let manifest: Vec<_> = names
        .take(101)
        .map(|name| LoggedBlock {
            name,
            shape: vec![2048, 2048],
            dtype: "f32".to_owned(),
            length: 2048 * 2048,
            grid_exponent: Some(-22),
        })
        .collect();
    assert_eq!(manifest.len(), 101);
    let header = LogHeader { manifest, ..header() };
    let entries: Vec<_> = (0..20_000).map(|i| entry(1e-6, Some(&[(i as f32).sin()]))).collect();
    let without = ReplayLog::new(header.clone(), Vec::new(), None).to_bytes().unwrap().len();
    let size = ReplayLog::new(header, entries, Some(7)).to_bytes().unwrap().len();
    assert!(size < 100_000, "{size} bytes, of which {without} are the header");
}

#[test]
fn a_prefix_is_a_shorter_run() {
    let log = ReplayLog::new(header(), steps(100), Some(7));
    assert_eq!(log.prefix(30), ReplayLog::new(header(), steps(30), None));
    assert_eq!(log.prefix(100), log);
    assert_eq!(log.prefix(1000), log);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let missing = ReplayLog::open(&path).unwrap_err();
    assert!(matches!(&missing, LogError::Io { path: p, .. } if *p == path));
    assert!(matches!(LogWriter::resume(&path, &header()), Err(LogError::Io { .. })));
    assert!(!path.exists() && !tail(&path).exists());

    let mut writer = LogWriter::create(&path, &header()).unwrap();
    let too_many = entry(1.0, Some(&vec![0.0; 65_536]));
    assert!(matches!(writer.append(&too_many), Err(LogError::TooLarge { found: 65_536, most: 65_535, .. })));
    assert!(ReplayLog::new(header(), vec![too_many], None).to_bytes().is_err());
    writer.append(&entry(1.0, Some(&vec![0.5; 65_535]))).unwrap();
    assert_eq!(writer.steps(), 1);
    if cfg!(unix) {
        let error = LogWriter::resume(&path, &header()).unwrap_err();
        assert!(matches!(error, LogError::InUse { .. }), "{error}");
    }
    drop(writer);
    assert!(matches!(LogWriter::create(&path, &header()), Err(LogError::Io { .. })));

    let newer = LogHeader { version: 2, ..header() };
    assert!(matches!(
        LogWriter::create(folder.path().join("new.zo"), &newer),
        Err(LogError::Version { found: 2, supported: 1 })
    ));
    assert!(matches!(header().settings::<Vec<u8>>(), Err(LogError::Settings(_))));

    let log = ReplayLog::new(header(), Vec::new(), Some(7));
    log.check_base(0x0123_4567_89ab_cdef).unwrap();
    log.check_final(7).unwrap();
    assert!(matches!(log.check_base(7), Err(LogError::Mismatch { .. })));
    assert!(matches!(log.check_final(8), Err(LogError::Mismatch { .. })));
    log.prefix(0).check_final(7).unwrap();
}

type Change = fn(&mut LogHeader);

#[test]
fn a_log_of_another_run_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    LogWriter::create(&path, &header()).unwrap();
    let others: [(Change, &str); 6] = [
        (|h| h.seed = 43, "seed is 43, but the log says 42"),
        (|h| h.generator = "x".to_owned(), "generator is x, but the log says philox4x32-10"),
        (|h| h.base_hash = 1, "base weights is 0x0000000000000001, but the log says 0x0123456789abcdef"),
        (|h| h.components = 5, "components is 5, but the log says 1000"),
        (
            |h| h.manifest[0].shape = vec![3, 4],
            "tensor 0 is layer.weight f32[3, 4], but the log says layer.weight f32[4, 3]",
        ),
        (
            |h| {
                let settings = Settings { clip: Some(0.1), ..settings() };
                h.tuner = Value::serialized(&settings).unwrap();
            },
            "settings.clip is 0.1, but the log says none",
        ),
    ];
    for (change, message) in others {
        let mut other = header();
        change(&mut other);
        let error = LogWriter::resume(&path, &other).unwrap_err();
        assert!(matches!(error, LogError::Mismatch { .. }));
        assert_eq!(error.to_string(), message);
    }
}

/// A log that was there before must not lend its tail to a new one.
#[test]
fn an_old_tail_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let mut writer = LogWriter::create(&path, &header()).unwrap();
    writer.append(&entry(1.0, None)).unwrap();
    drop(writer);
    fs::remove_file(&path).unwrap();
    drop(LogWriter::create(&path, &header()).unwrap());
    assert!(ReplayLog::open(&path).unwrap().entries.is_empty());
}

#[test]
fn a_diff_tells_what_differs() {
    let entries: Vec<_> = (0..100).map(|i| entry(1e-3, Some(&[(i as f32).sin()]))).collect();
    let log = ReplayLog::new(header(), entries.clone(), Some(7));
    let same = log.diff(&log);
    assert!(same.is_empty());
    assert_eq!(same.to_string(), "the same run of 100 steps");
    assert_eq!((same.compared, same.largest), (100, 0.0));
    assert!((same.correlation.unwrap() - 1.0).abs() < 1e-12);

    // A shorter run with another setting, all scalars doubled from step 20.
    let mut other = log.prefix(80);
    let Method::Mezo { eps, .. } = settings().method;
    let changed = Settings { method: Method::Mezo { step_size: 1e-5, eps }, ..settings() };
    other.header.tuner = Value::serialized(&changed).unwrap();
    for entry in &mut other.entries[20..] {
        entry.scalars.as_mut().unwrap()[0] *= 2.0;
    }
    let diff = log.diff(&other);
    assert!(!diff.is_empty());
    assert_eq!(diff.steps, [100, 80]);
    let left = entries[20].scalars.as_ref().unwrap()[0];
    assert_eq!(diff.first, Some(FirstDifference::Scalar { step: 20, index: 0, left, right: 2.0 * left }));
    let scalar = |i: usize| f64::from(entries[i].scalars.as_ref().unwrap()[0]);
    let largest = (20..80).map(|i| scalar(i).abs()).fold(0.0, f64::max);
    assert_eq!((diff.compared, diff.largest), (80, largest));
    // Pearson's r, from sums over the pairs.
    let pairs: Vec<_> = (0..80).map(|i| (scalar(i), if i < 20 { 1.0 } else { 2.0 } * scalar(i))).collect();
    let sum = |f: fn((f64, f64)) -> f64| pairs.iter().map(|&p| f(p)).sum::<f64>() / 80.0;
    let (a, b) = (sum(|p| p.0), sum(|p| p.1));
    let r =
        (sum(|p| p.0 * p.1) - a * b) / ((sum(|p| p.0 * p.0) - a * a) * (sum(|p| p.1 * p.1) - b * b)).sqrt();
    assert!((diff.correlation.unwrap() - r).abs() < 1e-9);
    let text = diff.to_string();
    assert!(text.starts_with("settings.method.mezo.step_size: 1e-6 | 1e-5\nsteps: 100 | 80\n"), "{text}");
    assert!(text.contains("first difference: step 20, scalar 0: "), "{text}");

    let first = |entry: Entry| {
        let entries = [&entries[..5], &[entry]].concat();
        log.diff(&ReplayLog::new(header(), entries, None)).first.unwrap()
    };
    let same = entries[5].scalars.as_deref();
    assert_eq!(first(entry(1e-3, None)), FirstDifference::Skipped { step: 5, left: false });
    assert_eq!(first(entry(1e-3, Some(&[]))), FirstDifference::Scalars { step: 5, left: 1, right: 0 });
    let (left, right) = (entries[5].rates, entry(1e-4, same).rates);
    assert_eq!(first(entry(1e-4, same)), FirstDifference::Rates { step: 5, left, right });

    let empty = ReplayLog::new(header(), Vec::new(), None);
    let diff = log.diff(&empty);
    assert_eq!((diff.first, diff.correlation, diff.compared), (None, None, 0));
    assert!(diff.to_string().ends_with("the first 0 steps: the same"), "{diff}");
}
