//! A paper: its claims, and the experiments that measure them.

use crate::{
    claim::{Claim, ExperimentError},
    context::Context,
    recorder::Recorder,
};

/// One paper: constant data.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// Name on the command line, such as `local-graph-clustering`.
    pub id: &'static str,
    /// Title of the paper.
    pub title: &'static str,
    /// Authors, journal or conference, year.
    pub citation: &'static str,
    /// Where to read it.
    pub url: &'static str,
    /// The domain, which is also the cargo feature that the paper needs, such as `graph`.
    pub domain: &'static str,
    /// The claims, in the order of the report.
    pub claims: &'static [Claim],
    /// The experiments that measure them; none in a build without the domain.
    pub experiments: &'static [Experiment],
}

/// Code that measures; the unit of sharding, of checkpoints and of parallelism.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// Short name, unique in the paper.
    pub id: &'static str,
    /// The claims whose checks it observes.
    pub claims: &'static [Claim],
    /// Measures; it cannot decide.
    pub run: fn(&Context, &mut Recorder) -> Result<(), ExperimentError>,
}

impl Paper {
    /// The claim with this id.
    pub fn claim(&self, id: &str) -> Option<&'static Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// The experiments that feed a claim.
    pub fn feeding(&self, claim: &str) -> impl Iterator<Item = &'static Experiment> {
        self.experiments.iter().filter(move |experiment| experiment.claims.iter().any(|fed| fed.id == claim))
    }
}
