//! Random numbers: a `u64` seed, and as many independent streams under it as are needed.
//!
//! The one generator is `ChaCha8`, which is counter-based: a stream can be entered anywhere, and the numbers of one
//! purpose do not shift when another purpose draws more. The numbers are part of what seeds mean, so they are fixed.

pub use rand_chacha::ChaCha8Rng as Generator;
pub use rand_chacha::rand_core::Rng;
use rand_chacha::rand_core::SeedableRng;

/// Stream `number` under `seed`. Streams of different numbers, and of different seeds, are independent.
///
/// ```
/// use kiln_core::random;
///
/// // Each epoch has its own stream, so a run that resumes at epoch 3 draws what it would have drawn.
/// let at_once: Vec<_> = (0..5).map(|epoch| random::below(&mut random::stream(7, epoch), 100)).collect();
/// assert_eq!(random::below(&mut random::stream(7, 3), 100), at_once[3]);
/// ```
pub fn stream(seed: u64, number: u64) -> Generator {
    let mut generator = Generator::seed_from_u64(seed);
    generator.set_stream(number);
    generator
}

/// Stream `number` of the cipher whose key is `seed` in little-endian order and zeros: the numbers of stored noise,
/// where the key is a part of the format. Everything else takes [`stream`].
pub fn keyed(seed: u64, number: u64) -> Generator {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = Generator::from_seed(key);
    generator.set_stream(number);
    generator
}

/// The stream `name` under `seed`, independent of all numbered ones: for what has a purpose but no number.
///
/// The key of the cipher is the seed and the 64-bit FNV-1a hash of the name, both in little-endian order, and zeros.
pub fn named_stream(seed: u64, name: &str) -> Generator {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&hash.to_le_bytes());
    Generator::from_seed(key)
}

/// A uniform integer below `bound`, without bias worth speaking of: the error is below `bound / 2⁶⁴`. 0 for a `bound`
/// of 0.
pub fn below(generator: &mut Generator, bound: usize) -> usize {
    ((u128::from(generator.next_u64()) * bound as u128) >> 64) as usize
}

/// Uniform on `[0, 1)`, in steps of 2⁻⁵³.
pub fn unit_interval(generator: &mut Generator) -> f64 {
    (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Seed `index` of a fixed scrambled sequence below 2⁵³: no small number, and no number twice in any list that a
/// machine can hold. More seeds extend the list.
///
/// By the output function of `SplitMix64` (Steele, Lea, Flood 2014).
pub fn seed(index: u64) -> u64 {
    mix(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11
}

/// The finaliser of `SplitMix64`: a bijection of 64-bit words that looks random.
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(mut generator: Generator) -> [u64; 2] {
        [generator.next_u64(), generator.next_u64()]
    }

    #[test]
    fn streams_differ() {
        let mut all = vec![first(named_stream(0, "rows")), first(named_stream(0, "columns"))];
        all.push(first(named_stream(1, "rows")));
        all.extend((0..3).map(|number| first(stream(0, number))));
        all.extend((0..3).map(|number| first(stream(1, number))));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    proptest::proptest! {
        #[test]
        fn integers_are_below_their_bound(seed: u64, bound in 1_usize..1000) {
            let mut generator = stream(seed, 0);
            proptest::prop_assert!((0..100).all(|_| below(&mut generator, bound) < bound));
        }

        #[test]
        fn unit_interval_excludes_one(seed: u64) {
            let mut generator = stream(seed, 0);
            proptest::prop_assert!((0..100).all(|_| (0.0..1.0).contains(&unit_interval(&mut generator))));
        }
    }
}
