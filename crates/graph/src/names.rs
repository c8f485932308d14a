//! Distinct names in one block of bytes, found by hashing.

use std::borrow::Cow;
use std::sync::OnceLock;

/// Distinct byte strings, numbered in the order in which they were first given.
///
/// The bytes stand in one block, so a name costs its length, 8 bytes for its end and 16 in the table. The hash
/// is fixed: the numbers depend on nothing but the order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    /// Where each name ends in `bytes`; it starts where the one before it ends.
    ends: Vec<u64>,
    /// Open addressing, a power of two long, at most half full: the high half of the hash and the number + 1.
    table: Vec<u64>,
    /// The table of names that came from a file, made when it is first asked for.
    late: OnceLock<Vec<u64>>,
}

/// Two sets of names are the same if they give the same names the same numbers.
impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.ends == other.ends && self.bytes == other.bytes
    }
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.bytes.get(start..end)
    }

    /// The name as text; bytes that are not UTF-8 are replaced, but readers let none in.
    pub(crate) fn text(&self, number: usize) -> Option<Cow<'_, str>> {
        self.get(number).map(String::from_utf8_lossy)
    }

    pub(crate) fn number(&self, name: &[u8]) -> Option<usize> {
        if self.ends.is_empty() {
            return None;
        }
        let table = if self.table.is_empty() { self.late.get_or_init(|| self.build()) } else { &self.table };
        let at = self.position(table, name, hash(name));
        (table[at] as u32).checked_sub(1).map(|number| number as usize)
    }

    /// Reads the table where a name of this hash will be looked up, so that the look-up finds it in the cache.
    #[inline]
    pub(crate) fn warm(&self, hash: u64) -> u64 {
        if self.table.is_empty() { 0 } else { self.table[start(&self.table, hash)] }
    }

    /// The number of `name`, which is new if it was not there.
    #[inline]
    pub(crate) fn insert(&mut self, name: &[u8]) -> usize {
        self.insert_hashed(name, hash(name))
    }

    /// [`insert`](Self::insert) of a name whose [`hash`] is known.
    #[inline]
    pub(crate) fn insert_hashed(&mut self, name: &[u8], hash: u64) -> usize {
        if self.table.len() < 2 * (self.ends.len() + 1) {
            self.grow();
        }
        let at = self.position(&self.table, name, hash);
        if let Some(number) = (self.table[at] as u32).checked_sub(1) {
            return number as usize;
        }
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len() as u64);
        self.table[at] = entry(hash, self.ends.len());
        self.ends.len() - 1
    }

    /// Every name in the order of the numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let range = std::mem::replace(&mut start, end as usize)..end as usize;
            &self.bytes[range]
        })
    }

    /// The bytes and the ends.
    pub(crate) fn parts(&self) -> (&[u8], &[u64]) {
        (&self.bytes, &self.ends)
    }

    /// Names from a file; `None` if the ends are no ends.
    pub(crate) fn from_parts(bytes: Vec<u8>, ends: Vec<u64>) -> Option<Self> {
        let whole = ends.last().map_or(0, |&end| end) == bytes.len() as u64;
        let few = ends.len() < u32::MAX as usize;
        (whole && few && ends.is_sorted()).then(|| Self { bytes, ends, ..Self::default() })
    }

    /// Where a name stands in the table, or the empty place where it would.
    #[inline]
    fn position(&self, table: &[u64], name: &[u8], hash: u64) -> usize {
        let mut at = start(table, hash);
        loop {
            let found = table[at];
            if found == 0 {
                return at;
            }
            // The high halves tell nearly all different names apart without a look at their bytes.
            if (found ^ hash) >> 32 == 0 && self.get((found as u32 - 1) as usize) == Some(name) {
                return at;
            }
            at = (at + 1) & (table.len() - 1);
        }
    }

    fn grow(&mut self) {
        self.table = self.build();
    }

    /// A table with room for twice as many names.
    fn build(&self) -> Vec<u64> {
        let capacity = (self.ends.len() * 4).next_power_of_two().max(64);
        let mut table = vec![0; capacity];
        for (number, name) in self.iter().enumerate() {
            let hash = hash(name);
            let mut at = start(&table, hash);
            while table[at] != 0 {
                at = (at + 1) & (capacity - 1);
            }
            table[at] = entry(hash, number + 1);
        }
        table
    }
}

/// Where the look-up of a hash starts in a table, whose length is a power of two.
#[inline]
fn start(table: &[u64], hash: u64) -> usize {
    hash as usize & (table.len() - 1)
}

fn entry(hash: u64, number: usize) -> u64 {
    (hash & 0xFFFF_FFFF_0000_0000) | number as u64
}

/// The hash of a name: fixed, so that no answer depends on a draw.
#[inline]
pub(crate) fn hash(name: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = name.len() as u64;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), FACTOR);
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    fold(fold(state ^ last, FACTOR), 0xD6E8_FEB8_6659_FD93)
}

/// Both halves of the product of 128 bits, mixed.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x51_7C_C1_B7_27_22_0A_95) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
