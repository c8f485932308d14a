//! What this process takes of memory.

use peak_alloc::PeakAlloc;

/// Peaks since the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct MemoryUse {
    /// Largest resident set in bytes, as the system counts it; `None` where it does not say.
    pub peak_resident: Option<u64>,
    /// Most bytes that were allocated at a time; `None` in a program that does not count them.
    pub peak_heap: Option<u64>,
}

/// The peaks so far.
pub fn memory() -> MemoryUse {
    let peak = PeakAlloc.peak_usage() as u64;
    MemoryUse { peak_resident: peak_resident(), peak_heap: (peak > 0).then_some(peak) }
}

/// Forgets the peaks so far, where the system can: on Linux.
pub fn reset_peaks() {
    // Elsewhere there is no such file, and the peaks are those of the whole process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    PeakAlloc.reset_peak_usage();
}

/// The line `VmHWM` of Linux.
fn peak_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
