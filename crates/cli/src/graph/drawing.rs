//! The picture of a cluster: its members, and the nodes around it that are tied to it most.

use std::collections::HashMap;

use kiln_graph::{Adjacency, LabelledGraph};
use maud::{Markup, html};

use super::layout::places;
use super::outcome::Outcome;
use crate::numbers::{count, readable};

/// At most so many members and other nodes are drawn; more are a cloud.
const MEMBERS: usize = 120;
const AROUND: usize = 60;
/// At most so many members have their names written; pointing at a dot says each.
const NAMED: usize = 40;
/// Size of the picture in its own units, and the margin that names need.
pub(super) const WIDTH: f64 = 560.0;
pub(super) const HEIGHT: f64 = 460.0;
const MARGIN: (f64, f64) = (46.0, 24.0);
/// Size of the names, and the longest one that is written in full.
const TEXT: f64 = 13.0;
const LONGEST: usize = 22;

/// What a node of the picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Seed,
    Member,
    /// Reached by the walk, where there is no cluster.
    Reached,
    Around,
}

/// A node of the picture.
#[derive(Debug)]
pub(super) struct Dot {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) member: bool,
    pub(super) score: f64,
    at: (f64, f64),
    radius: f64,
}

/// A picture of a cluster.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) dots: Vec<Dot>,
    /// Pairs of positions in `dots`, with weights.
    pub(super) lines: Vec<(usize, usize, f64)>,
    /// Numbers of members and of neighbours that there is no room for.
    left_out: (usize, usize),
    has_cluster: bool,
}

/// A written name: where it begins, and its width.
struct Written<'a> {
    text: String,
    dot: &'a Dot,
    left: f64,
    base: f64,
}

impl Drawing {
    /// Draws the best members, or the best scores where there is no cluster, and what is around them.
    pub(super) fn new(labelled: &LabelledGraph, outcome: &Outcome) -> Self {
        let graph = labelled.graph();
        let has_cluster = outcome.cluster.is_some();
        let inner: Vec<_> = outcome.scores.iter().filter(|s| s.member || s.seed || !has_cluster).collect();
        let mut dots: Vec<Dot> = Vec::new();
        // Seeds are drawn in any case.
        let (seeds, others): (Vec<_>, Vec<_>) = inner.iter().copied().partition(|score| score.seed);
        for score in seeds.into_iter().chain(others).take(MEMBERS) {
            let role = match (score.seed, score.member) {
                (true, _) => Role::Seed,
                (false, true) => Role::Member,
                (false, false) => Role::Reached,
            };
            dots.push(Dot::new(score.id, score.node.clone(), role, score.member, score.score));
        }
        let members = dots.len();
        // Weight to the members, of each neighbour that is none.
        let mut ties: HashMap<u64, f64> = HashMap::new();
        let inside: HashMap<u64, f64> = inner.iter().map(|score| (score.id, score.score)).collect();
        for dot in &dots {
            graph.neighbors(dot.id, |v, weight| {
                if !inside.contains_key(&v) {
                    *ties.entry(v).or_insert(0.0) += weight;
                }
            });
        }
        let scores: HashMap<u64, f64> = outcome.scores.iter().map(|score| (score.id, score.score)).collect();
        let mut around: Vec<_> = ties.into_iter().collect();
        around.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let left_out = (inner.len() - members, around.len().saturating_sub(AROUND));
        for &(id, _) in around.iter().take(AROUND) {
            let score = scores.get(&id).copied().unwrap_or(0.0);
            dots.push(Dot::new(id, labelled.label(id).to_string(), Role::Around, false, score));
        }
        let ranks: HashMap<u64, usize> = dots.iter().enumerate().map(|(rank, dot)| (dot.id, rank)).collect();
        let mut lines = Vec::new();
        for (rank, dot) in dots.iter().enumerate() {
            graph.neighbors(dot.id, |v, weight| {
                if let Some(&other) = ranks.get(&v).filter(|&&other| other > rank) {
                    // What joins two outsiders says nothing of the cluster.
                    if rank < members {
                        lines.push((rank, other, weight));
                    }
                }
            });
        }
        let pairs: Vec<_> = lines.iter().map(|&(u, v, _)| (u, v)).collect();
        let mut counts = vec![0_usize; dots.len()];
        for &(u, v) in &pairs {
            for end in [u, v] {
                if let Some(count) = counts.get_mut(end) {
                    *count += 1;
                }
            }
        }
        // A few nodes don't need all the room.
        let used = (0.4 + 0.06 * ranks.len() as f64).min(1.0);
        let room = (used * (WIDTH - 2.0 * MARGIN.0), used * (HEIGHT - 2.0 * MARGIN.1));
        let corner = ((WIDTH - room.0) / 2.0, (HEIGHT - room.1) / 2.0);
        for ((dot, (x, y)), count) in dots.iter_mut().zip(places(ranks.len(), &pairs)).zip(counts) {
            dot.at = (corner.0 + x * room.0, corner.1 + y * room.1);
            dot.radius = match dot.role {
                Role::Around => 3.0,
                _ => (3.5 + 0.5 * (count as f64).sqrt()).min(8.0),
            };
        }
        Self { dots, lines, left_out, has_cluster }
    }

    /// The names that are written, none upon another.
    fn written(&self) -> Vec<Written<'_>> {
        let mut taken: Vec<[f64; 4]> = self.dots.iter().map(Dot::square).collect();
        let mut written = Vec::new();
        // Seeds stand first; the names of the nodes around come last, while there is room.
        for dot in &self.dots {
            if written.len() >= NAMED {
                break;
            }
            let text = shortened(&dot.name);
            let width = text.chars().map(letter).sum::<f64>();
            let (x, y) = dot.at;
            let gap = dot.radius + 3.0;
            let corners = [
                (x + gap, y + 0.35 * TEXT),
                (x - gap - width, y + 0.35 * TEXT),
                (x - width / 2.0, y - gap),
                (x - width / 2.0, y + gap + 0.75 * TEXT),
            ];
            let free = corners.into_iter().find(|&corner| {
                let area = area(corner, width);
                is_inside(&area) && !taken.iter().any(|other| overlap(&area, other))
            });
            // A seed is named even if there is no room beside it, over dots but not over other names.
            let over_dots = || {
                let names = taken.get(self.dots.len()..).unwrap_or_default();
                corners.into_iter().find(|&corner| {
                    let area = area(corner, width);
                    is_inside(&area) && !names.iter().any(|other| overlap(&area, other))
                })
            };
            let free = free.or_else(|| if dot.role == Role::Seed { over_dots() } else { None });
            if let Some((left, base)) = free {
                taken.push(area((left, base), width));
                written.push(Written { text, dot, left, base });
            }
        }
        written
    }

    /// What there was no room for, in words.
    pub(super) fn caption(&self) -> String {
        let (filled, word) = if self.has_cluster {
            ("members filled", "members")
        } else {
            ("what the walk reached filled", "nodes")
        };
        let said = format!("Dots are nodes: seeds ringed, {filled}, hollow ones are neighbours outside.");
        let what = |n: usize, word: &str| (n > 0).then(|| format!("{} {word}", count(n as u64)));
        let word = format!("{word} of lower score");
        let left_out: Vec<_> = [what(self.left_out.0, &word), what(self.left_out.1, "less tied neighbours")]
            .into_iter()
            .flatten()
            .collect();
        let more = if left_out.is_empty() {
            String::new()
        } else {
            format!(" Left out for want of room: {}.", left_out.join(" and "))
        };
        format!("{said}{more} Point at a dot to see its name.")
    }

    /// The picture as a file of its own.
    pub(super) fn file(&self, title: &str) -> String {
        let svg = self.svg(title).into_string();
        svg.replacen('>', &format!(">\n<style>{}</style>", crate::page::STYLE), 1) + "\n"
    }

    /// The picture as SVG, which a page with its style shows in light and dark.
    pub(super) fn svg(&self, title: &str) -> Markup {
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let place = |rank: usize| self.dots.get(rank).map_or((0.0, 0.0), |dot| dot.at);
        let outside = |rank: usize| self.dots.get(rank).is_none_or(|dot| dot.role == Role::Around);
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" aria-label=(title) viewBox=(view) {
                g class="lines" {
                    @for &(u, v, _) in &self.lines {
                        @let ((x1, y1), (x2, y2)) = (place(u), place(v));
                        line class=[outside(v).then_some("out")] x1=(one(x1)) y1=(one(y1)) x2=(one(x2)) y2=(one(y2)) {}
                    }
                }
                @for dot in self.dots.iter().rev() {
                    circle class=(dot.role.class()) cx=(one(dot.at.0)) cy=(one(dot.at.1)) r=(one(dot.radius)) {
                        title { (readable(&dot.name)) }
                    }
                }
                @for name in self.written() {
                    text class=(name.dot.role.class()) x=(one(name.left)) y=(one(name.base)) { (name.text) }
                }
            }
        }
    }
}

impl Role {
    fn class(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Member => "member",
            Self::Reached => "reached",
            Self::Around => "around",
        }
    }
}

impl Dot {
    fn new(id: u64, name: String, role: Role, member: bool, score: f64) -> Self {
        Self { id, name, role, member, score, at: (0.0, 0.0), radius: 0.0 }
    }

    /// Left, top, right, bottom.
    fn square(&self) -> [f64; 4] {
        let ((x, y), r) = (self.at, self.radius);
        [x - r, y - r, x + r, y + r]
    }
}

/// The rectangle of a name: where it begins, and its width.
fn area((left, base): (f64, f64), width: f64) -> [f64; 4] {
    [left, base - 0.8 * TEXT, left + width, base + 0.2 * TEXT]
}

/// Whether a rectangle is in the picture.
fn is_inside(area: &[f64; 4]) -> bool {
    area[0] >= 2.0 && area[1] >= 2.0 && area[2] <= WIDTH - 2.0 && area[3] <= HEIGHT - 2.0
}

/// Whether two rectangles (left, top, right, bottom) have a point in common.
fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// A name that is not too long to write.
pub(super) fn shortened(name: &str) -> String {
    let name = &readable(name);
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// About how wide a letter is, in a wide font.
fn letter(letter: char) -> f64 {
    // From Hangul on most letters are square.
    TEXT * if letter < '\u{1100}' { 0.62 } else { 1.05 }
}

/// A coordinate with one decimal.
fn one(x: f64) -> String {
    format!("{x:.1}")
}
