//! Rows set apart, to validate with or to stop by.

use kiln_core::{check, random};
use rand::seq::SliceRandom;

use crate::{AdaptError, Adaptation, Labelled, Labels, Rows, Unlabelled};

/// Sets a share of the rows of each domain apart: what to train on, and what to validate with.
///
/// Each class of each source gives its share, up to rounding; of values and of the target, rows are drawn at
/// random.
///
/// # Errors
/// When the share is not between 0 and 1, [`AdaptError::TooFewRows`] when a domain would be left without rows
/// in one of the parts, and when all sources together would be left with one class.
pub fn hold_out<X: Rows>(
    data: &Adaptation<X>,
    share: f64,
    seed: u64,
) -> Result<(Adaptation<X>, Adaptation<X>), AdaptError> {
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for (domain, source) in data.sources().iter().enumerate() {
        let (kept, held) = split_rows(source, share, seed, domain as u64)?;
        train.push(kept);
        validation.push(held);
    }
    let target = data.target();
    let rows = vec![(0..target.x().rows()).collect()];
    let (kept, held) = split_groups(target.name(), rows, share, seed, data.sources().len() as u64)?;
    let part = |rows: &[usize]| Unlabelled::new(target.name(), target.x().select(rows));
    Ok((Adaptation::new(train, part(&kept)?)?, Adaptation::new(validation, part(&held)?)?))
}

/// Sets a share of the rows of one domain apart, as [`hold_out`] does: what to train on, and what to validate
/// with.
///
/// # Errors
/// As [`hold_out`].
pub fn hold_out_rows<X: Rows>(
    domain: &Labelled<X>,
    share: f64,
    seed: u64,
) -> Result<(Labelled<X>, Labelled<X>), AdaptError> {
    split_rows(domain, share, seed, 0)
}

pub(crate) fn split_rows<X: Rows>(
    domain: &Labelled<X>,
    share: f64,
    seed: u64,
    stream: u64,
) -> Result<(Labelled<X>, Labelled<X>), AdaptError> {
    let groups = match domain.y() {
        Labels::Values(values) => vec![(0..values.len()).collect()],
        Labels::Classes { classes, count } => {
            let mut groups = vec![Vec::new(); *count];
            classes.iter().enumerate().for_each(|(row, &class)| groups[class].push(row));
            groups
        }
    };
    let (kept, held) = split_groups(domain.name(), groups, share, seed, stream)?;
    Ok((domain.select(&kept)?, domain.select(&held)?))
}

/// Draws rows of each group such that those of the first groups together have the share, up to rounding.
fn split_groups(
    domain: &str,
    groups: Vec<Vec<usize>>,
    share: f64,
    seed: u64,
    stream: u64,
) -> Result<(Vec<usize>, Vec<usize>), AdaptError> {
    check::setting("share", share, share > 0.0 && share < 1.0, "between 0 and 1")?;
    let rows = groups.iter().map(Vec::len).sum();
    let mut generator = random::stream(seed, stream);
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for mut group in groups {
        group.shuffle(&mut generator);
        let seen = kept.len() + held.len() + group.len();
        let due = (share * seen as f64).round() as usize;
        let (first, rest) = group.split_at(due.saturating_sub(held.len()).min(group.len()));
        held.extend_from_slice(first);
        kept.extend_from_slice(rest);
    }
    if kept.is_empty() || held.is_empty() {
        let needed = (0.5 / share.min(1.0 - share)).ceil().max(2.0) as usize;
        let why = "of fewer the share that is held out, or the rest, is no row; take another share, or leave the \
                   domain out";
        return Err(AdaptError::TooFewRows { domain: domain.to_owned(), rows, needed, why });
    }
    kept.sort_unstable();
    held.sort_unstable();
    Ok((kept, held))
}
