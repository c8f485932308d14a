//! What an experiment is given.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use kiln_core::data::{FindData, FoundFile, MissingData};
use serde::{Deserialize, Serialize};

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// All papers in minutes on two cores.
    Quick,
    /// The paper's own sizes.
    Full,
}

impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quick => "quick",
            Self::Full => "full",
        })
    }
}

/// Settings of one experiment's run.
#[derive(Debug)]
pub struct Context {
    /// How much to run.
    pub scale: Scale,
    /// Name of the device for tensors, such as `flex` or `wgpu`. Who computes on it takes it from
    /// [`use_device`](Self::use_device).
    pub device: String,
    /// Where data sets are found.
    pub data: Arc<DataSource>,
    seeds: Option<usize>,
    drawn: AtomicUsize,
    used_device: AtomicBool,
}

/// A search path that remembers what was looked for, so that checkpoints know what they depend on.
#[derive(Debug)]
pub struct DataSource {
    path: Arc<dyn FindData>,
    seen: Mutex<BTreeMap<String, String>>,
}

impl DataSource {
    fn new(path: Arc<dyn FindData>) -> Self {
        Self { path, seen: Mutex::default() }
    }

    /// Finds a data set; see [`FindData::find_data`].
    ///
    /// # Errors
    /// [`MissingData`] when no folder has it.
    pub fn find(&self, name: &str) -> Result<FoundFile, MissingData> {
        let found = self.path.find_data(name);
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), identity(found.as_ref()));
        found
    }

    /// What was looked for so far, and what was found.
    pub(crate) fn seen(&self) -> BTreeMap<String, String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl FindData for DataSource {
    fn find_data(&self, name: &str) -> Result<FoundFile, MissingData> {
        self.find(name)
    }
}

/// Whether all that was looked for is still found as it was then.
pub(crate) fn is_unchanged(path: &dyn FindData, seen: &BTreeMap<String, String>) -> bool {
    seen.iter().all(|(name, then)| *then == identity(path.find_data(name).as_ref()))
}

fn identity(found: Result<&FoundFile, &MissingData>) -> String {
    found.map_or_else(|_| "missing".to_owned(), |found| format!("{} {}", found.route, found.sha256))
}

impl Context {
    /// A context; `seeds` overrides the number of seeds that each experiment asks for.
    pub fn new(scale: Scale, device: &str, data: Arc<dyn FindData>, seeds: Option<usize>) -> Self {
        Self {
            scale,
            device: device.to_owned(),
            data: Arc::new(DataSource::new(data)),
            seeds,
            drawn: AtomicUsize::new(0),
            used_device: AtomicBool::new(false),
        }
    }

    /// The seeds to run on: `default` of them unless `--seeds` says otherwise.
    ///
    /// They are consecutive numbers of one fixed scrambled sequence below 2^53, so none is a small number that
    /// a specification may have been calibrated on, and more seeds extend the list. Whoever rewrites rules
    /// after having seen results moves the place where the list begins, so that the rules meet fresh seeds.
    pub fn seeds(&self, default: usize) -> Vec<u64> {
        let count = self.seeds.unwrap_or(default);
        self.drawn.fetch_max(count, Ordering::Relaxed);
        let numbers = (1..=count as u64).map(|i| FIRST_SEED.wrapping_add(i));
        numbers.map(|i| splitmix(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11).collect()
    }

    /// The largest number of seeds asked for so far.
    pub(crate) fn seeds_drawn(&self) -> usize {
        self.drawn.load(Ordering::Relaxed)
    }

    /// The name of the device, for an experiment that computes on it: the report then says so.
    pub fn use_device(&self) -> &str {
        self.used_device.store(true, Ordering::Relaxed);
        &self.device
    }

    /// The device, if it was used so far.
    pub(crate) fn device_used(&self) -> Option<String> {
        self.used_device.load(Ordering::Relaxed).then(|| self.device.clone())
    }

    /// `quick` or `full`, by the scale.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        match self.scale {
            Scale::Quick => quick,
            Scale::Full => full,
        }
    }

    /// Whether the device is a graphics processor.
    pub fn has_gpu(&self) -> bool {
        is_gpu(&self.device)
    }
}

pub(crate) fn is_gpu(device: &str) -> bool {
    ["wgpu", "cuda", "rocm", "metal", "vulkan"].contains(&device)
}

/// Where the list of seeds begins. It was 0 while rules judged single numbers; the rules on intervals, of
/// 2026-11-30, were committed before anything was run from here.
const FIRST_SEED: u64 = 1 << 32;

/// The output function of `SplitMix64` (Steele, Lea, Flood 2014).
fn splitmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
