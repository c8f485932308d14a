//! What a paper claims and how near the test is to the paper's terms: constant data, fixed before any run.

use crate::check::Check;

/// Anything that makes an experiment fail; `?` and `.into()` from a string both work.
///
/// A [`MissingData`](kiln_core::data::MissingData) returned by `?`, or an error that it is a cause of, is not
/// a failure: the claims that the experiment feeds get the verdict `needs data`, except those that need no
/// data and that other experiments feed too.
pub type ExperimentError = Box<dyn std::error::Error + Send + Sync>;

/// One statement of a paper and the checks that decide whether it was reproduced.
///
/// ```
/// use kiln_receipts::{Check, Claim};
///
/// const REST: Check = Check::each("rest after ten halvings").at_most(1e-3).by_paper();
/// const HALVING: Claim = Claim {
///     place: "Theorem 1",
///     says: "Ten halvings leave less than a thousandth",
///     test: "1 halved ten times",
///     checks: &[REST],
///     ..Claim::exact("H1")
/// };
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Short name, unique in the paper, such as `G6`.
    pub id: &'static str,
    /// Where it stands in the paper, such as `Theorem 3` or `Table 2`.
    pub place: &'static str,
    /// What the paper says.
    pub says: &'static str,
    /// How near the test is to that.
    pub terms: Terms,
    /// How it is tested here.
    pub test: &'static str,
    /// All must hold. Empty for a claim that is not attempted.
    pub checks: &'static [Check],
    /// What has to be there before it can be tested, besides the data that its experiments look for.
    pub needs: &'static [Need],
    /// Why no experiment tests it, with what it would take.
    pub not_attempted: Option<&'static str>,
    /// For a claim that was contradicted: which other reasons were ruled out, and how.
    pub ruled_out: &'static str,
}

/// How near a test is to the paper's own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// The paper's data and settings, or a theorem on its own terms.
    Exact,
    /// The paper's data, or its authors' generator, with less of something.
    Reduced {
        /// Of what there is less, and how much of how much: `3,000 steps of 10,000`.
        what: &'static str,
    },
    /// Other data or models, which share the property that the claim is about.
    StandIn {
        /// What stands for what.
        what: &'static str,
        /// Why the effect must show on it if the claim holds.
        why: &'static str,
    },
    /// The paper does not say it: a control, or a comparison like for like.
    Ours,
}

/// What a claim needs besides this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A data set, by the name that [`FindData`](kiln_core::data::FindData) takes.
    Data(&'static str),
    /// A graphics processor (`--device wgpu`).
    Gpu,
}

impl Claim {
    /// On the paper's own terms; `place`, `says`, `test` and `checks` are to be filled in.
    pub const fn exact(id: &'static str) -> Self {
        Self {
            id,
            place: "",
            says: "",
            terms: Terms::Exact,
            test: "",
            checks: &[],
            needs: &[],
            not_attempted: None,
            ruled_out: "",
        }
    }

    /// With less of something: see [`Terms::Reduced`].
    pub const fn reduced(id: &'static str, what: &'static str) -> Self {
        Self { terms: Terms::Reduced { what }, ..Self::exact(id) }
    }

    /// On other data or models: see [`Terms::StandIn`].
    pub const fn stand_in(id: &'static str, what: &'static str, why: &'static str) -> Self {
        Self { terms: Terms::StandIn { what, why }, ..Self::exact(id) }
    }

    /// Not the paper's: see [`Terms::Ours`].
    pub const fn ours(id: &'static str) -> Self {
        Self { terms: Terms::Ours, ..Self::exact(id) }
    }

    /// Without experiment: because of what, and what it would take.
    pub const fn not_attempted(id: &'static str, because: &'static str) -> Self {
        Self { not_attempted: Some(because), ..Self::exact(id) }
    }
}

impl Claim {
    /// The terms in a word and in a sentence; both empty where no experiment has any.
    pub(crate) fn terms_in_words(&self) -> (&'static str, String) {
        match self.not_attempted {
            Some(_) => ("", String::new()),
            None => (self.terms.word(), self.terms.to_string()),
        }
    }
}

impl Terms {
    /// In a word: `exact`, `reduced`, `stand-in`, `ours`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Reduced { .. } => "reduced",
            Self::StandIn { .. } => "stand-in",
            Self::Ours => "ours",
        }
    }

    /// Whether a failure says something against the paper.
    pub fn are_the_papers(self) -> bool {
        matches!(self, Self::Exact | Self::Reduced { .. })
    }
}

/// In a sentence.
impl std::fmt::Display for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact => f.write_str("exact: the paper's own terms"),
            Self::Reduced { what } => write!(f, "reduced: {what}"),
            Self::StandIn { what, why } => write!(f, "stand-in: {what}; {why}"),
            Self::Ours => f.write_str("ours: the paper does not say it"),
        }
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(name) => write!(f, "data {name}"),
            Self::Gpu => f.write_str("a GPU"),
        }
    }
}
