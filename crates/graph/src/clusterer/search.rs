//! The search behind [`Clusterer`](crate::Clusterer): candidates from sweeps, then the choice among them.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::profile::{Prefix, Profile, score};
use super::whole::Whole;
use super::{ClustererAnswer, Polish, ScalePoint};
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::cluster_limits::NoClusterReason;
use crate::conductance::{ClusterScores, conductance_of, rest_of};
use crate::error::Result;
use crate::explored::Explored;
use crate::flow::{FlowCertificate, Mqi, SimpleLocal};
use crate::method::LocalMethod;
use crate::methods::l1_cd::Descent;
use crate::methods::push::Reached;
use crate::objective::{PageRankCertificate, finish};
use crate::outcome::{ClusterOutcome, Judge};
use crate::question::{Limits, LocalQuestion};
use crate::seeds::SeedDistribution;
use crate::sweep::SweepCut;

/// Teleport probabilities, from near to far: a set of conductance φ holds a walk's mass where α is about φ.
const ALPHAS: [f64; 4] = [0.3, 0.1, 0.03, 0.01];
/// From one ρ to the next.
const STEP: f64 = 4.0;
/// The last ρ, over one over the graph's volume: the support may then cover the graph.
const LAST_RHO: f64 = 0.2;
/// Of the L1 answers: only the order of the nodes counts.
const TOLERANCE: f64 = 0.1;
/// How near to the set that it polishes a flow stays.
const DELTA: f64 = 0.5;

/// An answer and its sweep.
#[derive(Debug)]
struct Shown {
    alpha: f64,
    rho: f64,
    status: Status,
    work: GraphWork,
    /// In the order of the sweep.
    slots: Vec<u32>,
    masses: Vec<f64>,
}

/// A set that a sweep showed.
#[derive(Debug, Clone)]
struct Candidate {
    shown: Rc<Shown>,
    size: usize,
    prefix: Prefix,
}

/// A set that may be the cluster, and where it came from.
#[derive(Debug)]
struct Best {
    cut: SweepCut,
    score: f64,
    shown: Rc<Shown>,
    polish: Option<Polish>,
    /// Whether flows have had their turn.
    is_polished: bool,
}

/// A set that is no cluster.
#[derive(Debug, Clone, Copy)]
struct Loose {
    score: f64,
    size: usize,
    conductance: f64,
    /// Of a random set of its volume.
    random: f64,
}

#[derive(Debug)]
pub(super) struct Search {
    judge: Judge,
    total_volume: f64,
    wanted: Option<usize>,
    max_work: u64,
    profile: Profile,
    /// By bin of sizes.
    candidates: BTreeMap<u32, Candidate>,
    scales: BTreeMap<u32, ScalePoint>,
    /// The best of the sets that are no clusters.
    loose: Option<Loose>,
    /// The best of the sets that only a limit ended.
    endless: Option<Loose>,
    /// The best of the sets whose end its sweep was too short to see, and its bin.
    unseen: Option<(u32, Candidate)>,
    /// Of the sizes that occurred, the largest below the one wanted.
    largest: usize,
    status: Status,
    work: GraphWork,
}

impl Search {
    pub(super) fn new(judge: Judge, total_volume: f64, wanted: Option<usize>, max_work: u64) -> Self {
        Self {
            judge,
            total_volume,
            wanted,
            max_work,
            profile: Profile::default(),
            candidates: BTreeMap::new(),
            scales: BTreeMap::new(),
            loose: None,
            endless: None,
            unseen: None,
            largest: 0,
            status: Status::Converged,
            work: GraphWork::default(),
        }
    }

    /// Everything.
    pub(super) fn run<G: Adjacency>(
        mut self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<ClustererAnswer> {
        let last = self.walk(question);
        if self.candidates.is_empty() && self.status == Status::WorkLimit {
            // It is not known to have no end.
            self.candidates.extend(self.unseen.take());
        }
        let best = self.choose(question)?;
        self.finish(question, best, &last)
    }

    /// Walks on the grid; returns the last answer.
    fn walk<G: Adjacency>(&mut self, question: &mut LocalQuestion<'_, G>) -> Rc<Shown> {
        let first = self.judge.largest_score() / STEP;
        let end = LAST_RHO / self.total_volume;
        let mut last = Rc::new(Shown::nothing());
        let mut budget = self.max_work - self.max_work / 4;
        for (alpha, remaining) in ALPHAS.into_iter().zip((1..=ALPHAS.len() as u64).rev()) {
            let mut left = budget / remaining;
            budget -= left;
            let mut descent = Descent::start(question, alpha, TOLERANCE);
            let (mut rho, mut pushed, mut swept) = (first, 0, 0);
            loop {
                // Every node with mass was pushed, so the first sweep costs no more than the pushes.
                descent.to(rho, pushed + left / 2);
                let reached = descent.reached();
                let Reached { explored, masses, status, work, .. } = reached;
                left -= (work.edges_touched - pushed).min(left);
                pushed = work.edges_touched;
                let mut profile = std::mem::take(&mut self.profile);
                let limits = self.judge.sweep_limits();
                let looked_at = profile.fill(reached, (limits, self.total_volume), left);
                left -= looked_at.unwrap_or(0).min(left);
                swept += looked_at.unwrap_or(0);
                last = Rc::new(Shown::of(&profile, masses, (alpha, rho), status, work));
                self.rate(explored, &profile, &last);
                self.profile = profile;
                let stopped = status == Status::WorkLimit || looked_at.is_none();
                if stopped {
                    self.status = Status::WorkLimit;
                }
                if stopped || rho <= end {
                    break;
                }
                rho = (rho / STEP).max(end);
            }
            let edges_touched = last.work.edges_touched + swept;
            let nodes_ever_active = last.slots.len() as u64;
            self.work += GraphWork { edges_touched, nodes_ever_active, ..last.work };
            budget += left;
        }
        last
    }

    /// Looks at every prefix of a sweep.
    fn rate(&mut self, explored: &Explored, profile: &Profile, shown: &Rc<Shown>) {
        let nodes = profile.slots().filter_map(|slot| explored.nodes().get(slot as usize).copied());
        let Some(first) = self.judge.first_with_seeds(nodes) else { return };
        let mut size = first + 1;
        while size <= profile.within {
            let bin = ((size as f64).log10() * 10.0) as u32;
            let next = (10.0_f64.powf(f64::from(bin + 1) / 10.0).ceil() as usize).max(size + 1);
            let prefixes = profile.prefixes.get(..profile.within.min(next - 1)).unwrap_or_default();
            let found = self.rate_bin(bin, size, prefixes, shown);
            size = next;
            let Some((size, prefix)) = found else { continue };
            let candidate = || Candidate { shown: Rc::clone(shown), size, prefix };
            let ends = profile.ends(size - 1, self.total_volume);
            if self.judge.was_asked_for_less() || ends == Some(true) {
                if self.candidates.get(&bin).is_none_or(|known| prefix.score < known.prefix.score) {
                    self.candidates.insert(bin, candidate());
                }
                continue;
            }
            self.endless = Some(better(self.endless, self.judged(size, prefix)));
            if ends.is_none() && self.unseen.as_ref().is_none_or(|known| prefix.score < known.1.prefix.score)
            {
                self.unseen = Some((bin, candidate()));
            }
        }
    }

    /// Looks at the prefixes of one bin of sizes, from `size` on; returns the best that may be a cluster.
    fn rate_bin(
        &mut self,
        bin: u32,
        size: usize,
        prefixes: &[Prefix],
        shown: &Shown,
    ) -> Option<(usize, Prefix)> {
        let mut best: Option<(usize, Prefix)> = None;
        let mut tightest: Option<(f64, usize, Prefix)> = None;
        for (size, &prefix) in (size..).zip(prefixes.get(size - 1..)?) {
            let conductance = conductance_of(prefix.cut, prefix.volume, self.total_volume);
            if tightest.is_none_or(|tightest| conductance < tightest.0) {
                tightest = Some((conductance, size, prefix));
            }
            if prefix.score.is_infinite() {
                continue;
            }
            if self.wanted.is_some_and(|wanted| 2 * size < wanted) {
                self.largest = self.largest.max(size);
            } else if prefix.score < 1.0 && self.judge.is_tight(conductance) {
                if best.is_none_or(|best| prefix.score < best.1.score) {
                    best = Some((size, prefix));
                }
            } else if self.loose.is_none_or(|loose| prefix.score < loose.score) {
                self.loose = Some(self.judged(size, prefix));
            }
        }
        let (conductance, size, Prefix { volume, .. }) = tightest?;
        if self.scales.get(&bin).is_none_or(|known| conductance < known.conductance) {
            let Shown { alpha, rho, .. } = *shown;
            self.scales.insert(bin, ScalePoint { size, volume, conductance, alpha, rho });
        }
        best
    }

    fn judged(&self, size: usize, Prefix { volume, cut, score }: Prefix) -> Loose {
        let conductance = conductance_of(cut, volume, self.total_volume);
        // Its cut over the smaller volume, which with `max_share` above one half may be the rest's.
        let random = f64::max(volume, rest_of(self.total_volume, volume)) / self.total_volume;
        Loose { score, size, conductance, random }
    }

    /// The candidate of least score, polished. Where it is two in one, a smaller one that shows it, and so on.
    fn choose<G: Adjacency>(&mut self, question: &mut LocalQuestion<'_, G>) -> Result<Option<Best>> {
        let explored = question.explored();
        let mut others: Vec<Best> =
            self.candidates.values().map(|one| self.as_found(explored, one)).collect();
        others.sort_by(|a, b| a.score.total_cmp(&b.score));
        if others.is_empty() {
            return Ok(None);
        }
        let mut best = others.remove(0);
        // First as they are: the winner would be expensive to polish in vain.
        while let Some(smaller) = self.shows_two(question, &best, &mut others, false)? {
            best = smaller;
        }
        self.polish(question, &mut best)?;
        while let Some(smaller) = self.shows_two(question, &best, &mut others, true)? {
            best = smaller;
        }
        Ok(Some(best))
    }

    /// Takes out of `others`, polished if so wanted, the first smaller one that shows that the best set is two.
    fn shows_two<G: Adjacency>(
        &mut self,
        question: &mut LocalQuestion<'_, G>,
        best: &Best,
        others: &mut Vec<Best>,
        polished: bool,
    ) -> Result<Option<Best>> {
        others.retain(|other| other.cut.volume < best.cut.volume);
        if self.wanted.is_some() || others.is_empty() {
            return Ok(None);
        }
        let Some(mut whole) = self.whole(question, &best.cut) else { return Ok(None) };
        for (place, other) in others.iter_mut().enumerate() {
            if polished {
                self.polish(question, other)?;
            }
            let slots = known_slots(question.explored(), &other.cut.nodes);
            if other.cut.volume < best.cut.volume
                && self.affords(question.explored(), &slots)
                && whole.is_two(question, &slots)
            {
                return Ok(Some(others.remove(place)));
            }
        }
        Ok(None)
    }

    fn as_found(&self, explored: &Explored, candidate: &Candidate) -> Best {
        let Prefix { volume, cut, score } = candidate.prefix;
        let slots = candidate.shown.slots.get(..candidate.size).unwrap_or_default();
        let nodes = explored.nodes();
        let mut nodes: Vec<u64> =
            slots.iter().filter_map(|&slot| nodes.get(slot as usize).copied()).collect();
        nodes.sort_unstable();
        let conductance = conductance_of(cut, volume, self.total_volume);
        let cut = SweepCut { nodes, conductance, volume, cut };
        Best { cut, score, shown: Rc::clone(&candidate.shown), polish: None, is_polished: false }
    }

    /// Counts a look at the lists of these slots, if there is enough work left.
    fn affords(&mut self, explored: &Explored, slots: &[u32]) -> bool {
        let arcs: u64 = slots.iter().map(|&slot| explored.arc_count(slot) as u64).sum();
        let affordable = self.work.edges_touched + arcs <= self.max_work;
        if affordable {
            self.work.edges_touched += arcs;
        } else {
            self.status = Status::WorkLimit;
        }
        affordable
    }

    /// The set on what has been read, if there is enough work left to read the rest of it.
    fn whole<G: Adjacency>(&mut self, question: &mut LocalQuestion<'_, G>, set: &SweepCut) -> Option<Whole> {
        let arcs: u64 = set.nodes.iter().map(|&node| question.graph.arc_count(node) as u64).sum();
        if self.work.edges_touched + arcs > self.max_work {
            self.status = Status::WorkLimit;
            return None;
        }
        self.work.edges_touched += arcs;
        Some(Whole::new(question, set))
    }

    /// Lets flows improve on a set, each within half of the work that is left.
    fn polish<G: Adjacency>(&mut self, question: &mut LocalQuestion<'_, G>, best: &mut Best) -> Result<()> {
        if std::mem::replace(&mut best.is_polished, true) {
            return Ok(());
        }
        let mut spare = question.workspace.spare.take().unwrap_or_default();
        for polish in [Polish::Mqi, Polish::SimpleLocal] {
            let left = self.max_work.saturating_sub(self.work.edges_touched);
            let arcs: u64 = best.cut.nodes.iter().map(|&node| question.graph.arc_count(node) as u64).sum();
            if best.cut.cut <= 0.0 {
                break;
            }
            if arcs > left / 2 {
                // The flow would not get further than to read the set.
                self.status = Status::WorkLimit;
                continue;
            }
            let reference = SeedDistribution::uniform(best.cut.nodes.iter().copied());
            let limits = Limits { max_work: Some(left / 2), ..Limits::default() };
            let mut flow = LocalQuestion::new(question.graph, &reference, limits, &mut spare)?;
            let found = match polish {
                Polish::Mqi => Mqi {}.solve(&mut flow)?,
                Polish::SimpleLocal => SimpleLocal::new(DELTA).solve(&mut flow)?,
            };
            self.work += found.work;
            if found.status == Status::WorkLimit {
                self.status = Status::WorkLimit;
            }
            let FlowCertificate { conductance, volume, cut, .. } = found.certificate;
            let set = SweepCut { nodes: found.support().collect(), conductance, volume, cut };
            let Ok(cut) = self.judge.set(set).found() else { continue };
            let score = score(cut.nodes.len(), volume, cut.cut, self.total_volume);
            if self.wanted.is_some_and(|wanted| 2 * cut.nodes.len() < wanted)
                || score >= best.score * (1.0 - 1e-12)
                || (self.wanted.is_none() && self.adds_a_stranger(question, &cut, &best.cut))
            {
                continue;
            }
            (best.cut, best.score, best.polish) = (cut, score, Some(polish));
        }
        question.workspace.spare = Some(spare);
        Ok(())
    }

    /// Whether what a set has besides `known` is another cluster.
    fn adds_a_stranger<G: Adjacency>(
        &mut self,
        question: &mut LocalQuestion<'_, G>,
        set: &SweepCut,
        known: &SweepCut,
    ) -> bool {
        if set.nodes.iter().all(|node| known.nodes.binary_search(node).is_ok()) {
            return false;
        }
        let Some(mut whole) = self.whole(question, set) else { return true };
        let slots = known_slots(question.explored(), &known.nodes);
        whole.is_two(question, &slots)
    }

    fn finish<G: Adjacency>(
        self,
        question: &mut LocalQuestion<'_, G>,
        best: Option<Best>,
        last: &Rc<Shown>,
    ) -> Result<ClustererAnswer> {
        let Self { judge, wanted, loose, endless, largest, scales, status, mut work, .. } = self;
        let explored = question.explored();
        work.nodes_touched += explored.len() as u64;
        work.arcs_read += explored.arcs_read();
        let shown = best.as_ref().map_or(last, |best| &best.shown);
        let answer = shown.answer(question);
        work.arcs_certified += answer.work.arcs_certified;
        let no = |because| ClusterOutcome::NoCluster { because };
        let polish = best.as_ref().and_then(|best| best.polish);
        let outcome = match (best, endless, loose) {
            (Some(best), ..) => ClusterOutcome::Found(best.cut),
            (None, Some(Loose { size, conductance, .. }), _) => {
                no(NoClusterReason::Endless { size, conductance })
            }
            (None, None, Some(Loose { size, conductance, random, .. })) => {
                if judge.is_tight(conductance) {
                    no(NoClusterReason::LikeRandom { size, conductance, random })
                } else {
                    judge.loosely_tied(size, conductance)
                }
            }
            (None, None, None) => match wanted {
                Some(wanted) if largest > 0 => no(NoClusterReason::TooSmall { largest, wanted }),
                _ => match judge.sweep(question.graph, &answer)? {
                    // Whatever it is, the search had no work left to look at it.
                    ClusterOutcome::Found(_) => no(NoClusterReason::OutOfWork),
                    none @ ClusterOutcome::NoCluster { .. } => none,
                },
            },
        };
        let scores =
            outcome.cluster().map(|cut| ClusterScores::of(question.graph, &cut.nodes)).transpose()?;
        let scales = scales.into_values().collect();
        Ok(ClustererAnswer { outcome, scores, answer, polish, scales, status, work })
    }
}

impl Shown {
    fn nothing() -> Self {
        let (status, work) = (Status::WorkLimit, GraphWork::default());
        Self { alpha: ALPHAS[0], rho: 0.0, status, work, slots: Vec::new(), masses: Vec::new() }
    }

    fn of(
        profile: &Profile,
        masses: &[f64],
        (alpha, rho): (f64, f64),
        status: Status,
        work: GraphWork,
    ) -> Self {
        let slots: Vec<u32> = profile.slots().collect();
        let masses = slots.iter().filter_map(|&slot| masses.get(slot as usize).copied()).collect();
        Self { alpha, rho, status, work, slots, masses }
    }

    /// As an answer, with its certificate.
    fn answer<G: Adjacency>(&self, question: &mut LocalQuestion<'_, G>) -> LocalAnswer<PageRankCertificate> {
        let mut masses = vec![0.0; question.explored().len()];
        for (&slot, &mass) in self.slots.iter().zip(&self.masses) {
            masses[slot as usize] = mass;
        }
        finish(question, (self.alpha, self.rho), self.status, self.work, |slot| masses[slot])
    }
}

fn better(known: Option<Loose>, other: Loose) -> Loose {
    known.filter(|known| known.score <= other.score).unwrap_or(other)
}

/// The slots of those nodes that have been touched.
fn known_slots(explored: &Explored, nodes: &[u64]) -> Vec<u32> {
    nodes.iter().filter_map(|&node| explored.slot(node)).collect()
}
