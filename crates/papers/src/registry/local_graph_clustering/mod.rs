//! Ha, Fountoulakis, Mahoney, "Statistical guarantees for local graph clustering", JMLR 22(148), 2021.

mod claims;
#[cfg(feature = "graph")]
mod control;
#[cfg(feature = "graph")]
mod protocol;
#[cfg(feature = "graph")]
mod published;
#[cfg(feature = "graph")]
mod real_graphs;
#[cfg(feature = "graph")]
mod recovery;
#[cfg(feature = "graph")]
mod reference_graphs;
#[cfg(feature = "graph")]
mod theory;
#[cfg(feature = "graph")]
mod work;

#[cfg(feature = "graph")]
use claims::{
    ACCELERATION, BETTER_F1, EXACT_RECOVERY, FLOW, ISTA, LIBRARY_FLOW, LOCAL_WORK, MONOTONE, NO_CLUSTERS,
    OPEN_SEED, PATH, PPI, RECOVERY, SANDWICH, SFLD, STAGEWISE, STARS, UNIVERSITIES, VOLUME,
};
use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "graph"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "graph")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        id: "path-and-sandwich",
        claims: &[MONOTONE, VOLUME, SANDWICH],
        run: theory::path_and_sandwich,
    },
    Experiment { id: "ista", claims: &[ISTA], run: theory::ista },
    Experiment { id: "stagewise", claims: &[STAGEWISE, PATH], run: theory::stagewise },
    Experiment { id: "work", claims: &[LOCAL_WORK], run: work::work },
    Experiment { id: "stars", claims: &[STARS], run: work::stars },
    Experiment { id: "fista", claims: &[VOLUME, ACCELERATION], run: work::fista },
    Experiment {
        id: "recovery",
        claims: &[VOLUME, RECOVERY, EXACT_RECOVERY, OPEN_SEED],
        run: recovery::recovery,
    },
    Experiment { id: "sfld", claims: &[VOLUME, SFLD, BETTER_F1, FLOW, LIBRARY_FLOW], run: real_graphs::sfld },
    Experiment { id: "ppi", claims: &[VOLUME, PPI, BETTER_F1], run: real_graphs::ppi },
    Experiment { id: "universities", claims: &[VOLUME, UNIVERSITIES], run: real_graphs::universities },
    Experiment { id: "labelled", claims: &[VOLUME, NO_CLUSTERS], run: control::labelled },
];
