//! The bytes of the two files, read and written.

use crc32fast::Hasher;

use super::entry::{Entry, Rates};
use super::error::LogError;
use super::header::LogHeader;

const MAGIC: [u8; 8] = *b"\x89KZO\r\n\x1a\n";
/// Steps in a block.
pub(super) const STEPS_PER_BLOCK: usize = 64;
const BLOCK: u8 = b'B';
const FOOTER: u8 = b'F';
const SKIPPED: u8 = 1;
const NEW_RATES: u8 = 2;

/// Bytes with checks in between.
#[derive(Default)]
pub(super) struct Encoder {
    pub(super) bytes: Vec<u8>,
    pub(super) crc: Hasher,
}

impl Encoder {
    pub(super) fn after(crc: &Hasher) -> Self {
        Self { bytes: Vec::new(), crc: crc.clone() }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.crc.update(bytes);
    }

    fn check(&mut self) {
        self.bytes.extend_from_slice(&self.crc.clone().finalize().to_le_bytes());
    }

    pub(super) fn header(&mut self, header: &LogHeader) -> Result<(), LogError> {
        let found = header.version;
        if found != LogHeader::VERSION {
            return Err(LogError::Version { found, supported: LogHeader::VERSION });
        }
        let mut cbor = Vec::new();
        ciborium::into_writer(header, &mut cbor).map_err(|e| LogError::Settings(e.to_string()))?;
        let length = u32::try_from(cbor.len()).map_err(|_| LogError::TooLarge {
            what: "bytes of the header",
            found: cbor.len(),
            most: u32::MAX as usize,
        })?;
        self.put(&MAGIC);
        self.put(&found.to_le_bytes());
        self.put(&length.to_le_bytes());
        self.put(&cbor);
        self.check();
        Ok(())
    }

    /// A block of at most 64 steps, after which its last step sizes are in force.
    pub(super) fn block(&mut self, first: u64, entries: &[Entry], rates: &mut Option<Rates>) {
        let mut segments = Vec::new();
        for run in entries.chunk_by(same_segment) {
            let (now, scalars) = (run[0].rates, run[0].scalars.as_ref());
            let changed = rates.map(Rates::to_bytes) != Some(now.to_bytes());
            let flags = if scalars.is_none() { SKIPPED } else { 0 } | if changed { NEW_RATES } else { 0 };
            segments.extend_from_slice(&[run.len() as u8, flags]);
            // Neither is ever too large: `append` checks the scalars.
            segments.extend_from_slice(&(scalars.map_or(0, Vec::len) as u16).to_le_bytes());
            if changed {
                segments.extend_from_slice(&now.to_bytes());
            }
            let scalars = run.iter().flat_map(|entry| entry.scalars.iter().flatten());
            segments.extend(scalars.flat_map(|scalar| scalar.to_le_bytes()));
            *rates = Some(now);
        }
        self.put(&[BLOCK]);
        self.put(&first.to_le_bytes());
        self.put(&[entries.len() as u8]);
        self.put(&(segments.len() as u32).to_le_bytes());
        self.check();
        self.put(&segments);
        self.check();
    }

    pub(super) fn footer(&mut self, steps: u64, final_hash: u64) {
        self.put(&[FOOTER]);
        self.put(&steps.to_le_bytes());
        self.put(&final_hash.to_le_bytes());
        self.check();
    }

    /// A record of the tail; `self` is new, with the header's checksum.
    pub(super) fn record(&mut self, step: u64, entry: &Entry) {
        let scalars = entry.scalars.as_deref().unwrap_or_default();
        self.put(&step.to_le_bytes());
        self.put(&[if entry.scalars.is_none() { SKIPPED } else { 0 }]);
        self.put(&(scalars.len() as u16).to_le_bytes());
        self.put(&entry.rates.to_bytes());
        self.check();
        for scalar in scalars {
            self.put(&scalar.to_le_bytes());
        }
        self.check();
    }
}

fn same_segment(a: &Entry, b: &Entry) -> bool {
    a.rates.to_bytes() == b.rates.to_bytes()
        && a.scalars.as_ref().map(Vec::len) == b.scalars.as_ref().map(Vec::len)
}

pub(super) fn check_size(entry: &Entry) -> Result<(), LogError> {
    let (what, most) = ("scalars of a step", usize::from(u16::MAX));
    match entry.scalars.as_ref().map_or(0, Vec::len) {
        found if found > most => Err(LogError::TooLarge { what, found, most }),
        _ => Ok(()),
    }
}

/// Why a part cannot be read.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// The file ends within it, all before being as written.
    Torn,
    /// Bytes have changed.
    Changed(&'static str),
}

/// The encoder's counterpart.
struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    crc: Hasher,
}

impl<'a> Decoder<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Flaw> {
        let end = self.at.checked_add(count).ok_or(Flaw::Torn)?;
        let taken = self.bytes.get(self.at..end).ok_or(Flaw::Torn)?;
        self.crc.update(taken);
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        self.array().map(|[byte]| byte)
    }

    fn scalars(&mut self, count: usize) -> Result<Vec<f32>, Flaw> {
        let bytes = self.take(count.checked_mul(4).ok_or(Flaw::Torn)?)?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn check(&mut self, what: &'static str) -> Result<(), Flaw> {
        let expected = self.crc.clone();
        let found = u32::from_le_bytes(self.array()?);
        self.crc = expected;
        if self.crc.clone().finalize() == found { Ok(()) } else { Err(Flaw::Changed(what)) }
    }

    fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn header(&mut self) -> Result<LogHeader, LogError> {
        let length = self.bytes.len() as u64;
        if !MAGIC.starts_with(&self.bytes[..self.bytes.len().min(MAGIC.len())]) || length == 0 {
            return Err(LogError::NotALog);
        }
        let error = |flaw| match flaw {
            Flaw::Torn => LogError::Truncated { length },
            Flaw::Changed(what) => LogError::Damaged { block: 0, offset: 0, what },
        };
        self.take(MAGIC.len()).map_err(error)?;
        let version = u16::from_le_bytes(self.array().map_err(error)?);
        if version != LogHeader::VERSION {
            return Err(LogError::Version { found: version, supported: LogHeader::VERSION });
        }
        let cbor = u32::from_le_bytes(self.array().map_err(error)?);
        let cbor = self.take(cbor as usize).map_err(error)?;
        self.check("the header").map_err(error)?;
        let header: LogHeader = ciborium::from_reader(cbor)
            .map_err(|_| error(Flaw::Changed("the header is no CBOR of its kind")))?;
        Ok(LogHeader { version, ..header })
    }

    fn block(&mut self, first: u64, rates: &mut Option<Rates>) -> Result<Vec<Entry>, Flaw> {
        let (start, [mut count]) = (u64::from_le_bytes(self.array()?), self.array()?);
        let length = u32::from_le_bytes(self.array()?) as usize;
        self.check("the head of the block")?;
        let mut segments = Decoder { bytes: self.take(length)?, at: 0, crc: Hasher::new() };
        self.check("the steps of the block")?;
        // From here on every byte is as it was written, so that what is wrong is the program that wrote it.
        let wrong = Flaw::Changed("the block was not written by a log writer");
        if start != first || count == 0 || usize::from(count) > STEPS_PER_BLOCK {
            return Err(wrong);
        }
        let mut entries = Vec::new();
        while count > 0 {
            let run = segments.segment(rates).map_err(|_| wrong)?;
            count = u8::try_from(run.len()).ok().and_then(|run| count.checked_sub(run)).ok_or(wrong)?;
            entries.extend(run);
        }
        if segments.is_at_end() { Ok(entries) } else { Err(wrong) }
    }

    fn segment(&mut self, rates: &mut Option<Rates>) -> Result<Vec<Entry>, Flaw> {
        let [steps, flags] = self.array()?;
        let scalars = usize::from(u16::from_le_bytes(self.array()?));
        if flags & NEW_RATES != 0 {
            *rates = Some(Rates::from_bytes(self.array()?));
        }
        let skipped = flags & SKIPPED != 0;
        let rates = rates.ok_or(Flaw::Torn)?;
        if steps == 0 || flags > SKIPPED | NEW_RATES || (skipped && scalars > 0) {
            return Err(Flaw::Torn);
        }
        let entry = |decoder: &mut Self| {
            let scalars = if skipped { None } else { Some(decoder.scalars(scalars)?) };
            Ok(Entry { rates, scalars })
        };
        (0..steps).map(|_| entry(self)).collect()
    }

    fn footer(&mut self, steps: u64) -> Result<u64, Flaw> {
        let logged = u64::from_le_bytes(self.array()?);
        let final_hash = u64::from_le_bytes(self.array()?);
        self.check("the end of the log")?;
        if logged != steps {
            return Err(Flaw::Changed("the log's end counts other steps than it has"));
        }
        if !self.is_at_end() {
            return Err(Flaw::Changed("bytes follow the end of the log"));
        }
        Ok(final_hash)
    }

    fn record(&mut self) -> Result<(u64, Entry), Flaw> {
        let (step, [flags]) = (u64::from_le_bytes(self.array()?), self.array()?);
        let scalars = u16::from_le_bytes(self.array()?);
        let rates = Rates::from_bytes(self.array()?);
        self.check("the head of a record in the tail file")?;
        let scalars = self.scalars(usize::from(scalars))?;
        self.check("the scalars of a record in the tail file")?;
        Ok((step, Entry { rates, scalars: (flags & SKIPPED == 0).then_some(scalars) }))
    }
}

/// Where a writer stands after full blocks.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) steps: u64,
    pub(super) bytes: u64,
    pub(super) crc: Hasher,
    pub(super) rates: Option<Rates>,
}

/// A log with its tail, and where its writer stands.
pub(super) struct Contents {
    pub(super) header: LogHeader,
    pub(super) entries: Vec<Entry>,
    pub(super) final_hash: Option<u64>,
    /// Bytes that hold no complete step.
    pub(super) lost: u64,
    pub(super) sealed: Sealed,
    pub(super) identity: Hasher,
}

/// The log without its tail.
pub(super) struct Main {
    header: LogHeader,
    /// The checksum of the header, from which those of the tail begin.
    identity: Hasher,
    sealed: Sealed,
    entries: Vec<Entry>,
    final_hash: Option<u64>,
    flaw: Option<(Flaw, LogError)>,
    /// Bytes from the flaw to the end.
    rest: usize,
}

impl Main {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, LogError> {
        let mut decoder = Decoder { bytes, at: 0, crc: Hasher::new() };
        let header = decoder.header()?;
        let identity = decoder.crc.clone();
        let sealed = Sealed { steps: 0, bytes: decoder.at as u64, crc: identity.clone(), rates: None };
        let mut main =
            Self { header, identity, sealed, entries: Vec::new(), final_hash: None, flaw: None, rest: 0 };
        let mut blocks = 0;
        while !decoder.is_at_end() {
            let start = decoder.at;
            if let Err(flaw) = main.part(&mut decoder, &mut blocks) {
                let what = match flaw {
                    Flaw::Changed(what) => what,
                    Flaw::Torn => "it is incomplete",
                };
                let error = LogError::Damaged { block: blocks + 1, offset: start as u64, what };
                (main.flaw, main.rest) = (Some((flaw, error)), bytes.len() - start);
                break;
            }
        }
        Ok(main)
    }

    /// The number of the block that the tail's steps belong to.
    fn next_block(&self) -> u64 {
        self.sealed.steps / STEPS_PER_BLOCK as u64 + 1
    }

    fn part(&mut self, decoder: &mut Decoder<'_>, blocks: &mut u64) -> Result<(), Flaw> {
        let steps = self.entries.len() as u64;
        match decoder.byte()? {
            BLOCK if self.sealed.steps == steps => {
                let mut rates = self.sealed.rates;
                let entries = decoder.block(steps, &mut rates)?;
                *blocks += 1;
                self.entries.extend(entries);
                let steps = self.entries.len() as u64;
                if steps.is_multiple_of(STEPS_PER_BLOCK as u64) {
                    let (bytes, crc) = (decoder.at as u64, decoder.crc.clone());
                    self.sealed = Sealed { steps, bytes, crc, rates };
                }
                Ok(())
            }
            BLOCK => Err(Flaw::Changed("a block follows an incomplete one")),
            FOOTER => {
                self.final_hash = Some(decoder.footer(steps)?);
                Ok(())
            }
            _ => Err(Flaw::Changed("neither a block nor the end of the log")),
        }
    }

    /// Joins the tail's steps to those of the log.
    pub(super) fn join(mut self, tail: &[u8]) -> Result<Contents, LogError> {
        let (first, records, torn) = self.tail(tail)?;
        let here = self.entries.len() as u64;
        let there = first + records.len() as u64;
        let damaged = |what| LogError::Damaged { block: self.next_block(), offset: 0, what };
        // The tail keeps its records until the log has them, so it may repeat steps but not contradict them.
        let repeated = self.entries.get(first as usize..).unwrap_or_default();
        if repeated.iter().zip(&records).any(|(a, b)| !a.same_bits(b)) {
            return Err(damaged("the tail file has other steps than the log"));
        }
        if first > here && !records.is_empty() {
            return Err(damaged("steps are missing between the log and its tail file"));
        }
        if self.final_hash.is_some() && there > here {
            return Err(damaged("the tail file goes on after the end of the log"));
        }
        let recovered = records.get((here.saturating_sub(first)) as usize..).unwrap_or_default();
        let mut lost = torn;
        if let Some((flaw, error)) = self.flaw {
            // What a crash leaves while the tail is being moved: the beginning of what would have been
            // written.
            let mut moved = Encoder::default();
            moved.block(here, recovered, &mut self.sealed.rates.clone());
            moved.footer(0, 0);
            let is_in_tail = !records.is_empty() && there >= here && self.rest <= moved.bytes.len();
            match flaw {
                Flaw::Torn if is_in_tail => {}
                Flaw::Torn => lost += self.rest as u64,
                Flaw::Changed(_) if is_in_tail && recovered.len() == STEPS_PER_BLOCK => {}
                Flaw::Changed(_) => return Err(error),
            }
        }
        self.entries.extend_from_slice(recovered);
        let lost = if self.final_hash.is_some() { 0 } else { lost };
        let Self { header, identity, sealed, entries, final_hash, .. } = self;
        Ok(Contents { header, entries, final_hash, lost, sealed, identity })
    }

    /// The first step in the tail, the records, and how many bytes at the end are none.
    fn tail(&self, bytes: &[u8]) -> Result<(u64, Vec<Entry>, u64), LogError> {
        let mut decoder = Decoder { bytes, at: 0, crc: Hasher::new() };
        let (mut first, mut entries) = (0, Vec::new());
        while !decoder.is_at_end() {
            let start = decoder.at;
            decoder.crc = self.identity.clone();
            let damaged = |what| LogError::Damaged { block: self.next_block(), offset: start as u64, what };
            match decoder.record() {
                Ok((step, entry)) => {
                    if entries.is_empty() {
                        first = step;
                    }
                    if step != first + entries.len() as u64 {
                        return Err(damaged("the steps in the tail file are out of order"));
                    }
                    entries.push(entry);
                }
                // A file system may leave zeros, or the last record half zeros, when power fails.
                Err(Flaw::Changed(_)) if decoder.is_at_end() || bytes[start..].iter().all(|&b| b == 0) => {
                    return Ok((first, entries, (bytes.len() - start) as u64));
                }
                Err(Flaw::Torn) => return Ok((first, entries, (bytes.len() - start) as u64)),
                Err(Flaw::Changed(what)) => return Err(damaged(what)),
            }
        }
        Ok((first, entries, 0))
    }
}
