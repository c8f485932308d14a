//! Occlusion: Zeiler, Fergus, *Visualizing and understanding convolutional networks* (ECCV 2014).
//!
//! A window moves over the input, and its cells are replaced by the baseline's. A cell's score is the mean of
//! `f(x) − f(x with the window from x′)` over the windows that cover it. Cost: a forward pass for each
//! window, and one.

use burn::tensor::Tensor;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// What the replacement of windows by the baseline costs, for each cell on average.
///
/// Windows start at multiples of the stride, until one reaches the end of the side; it may reach beyond. The
/// scores of cells are summed in groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occlusion {
    /// The window's sides, one for each side of an example, from 1 to that.
    pub window: Vec<usize>,
    /// Its steps, from 1 to its sides.
    pub stride: Vec<usize>,
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Occlusion {
    /// With steps of 1 and 256 rows.
    pub fn new(window: Vec<usize>) -> Self {
        Self { stride: vec![1; window.len()], window, batch_size: 256 }
    }

    /// Where windows start.
    fn starts(&self, sides: &[usize]) -> Result<Vec<Vec<usize>>, InterpretError> {
        check::size("sides of the window", self.window.len(), sides.len())?;
        check::size("strides of the window", self.stride.len(), sides.len())?;
        let mut starts = vec![Vec::new()];
        for ((&side, &window), &stride) in sides.iter().zip(&self.window).zip(&self.stride) {
            let fits = (1..=side).contains(&window);
            check::setting("window", window as f64, fits, "from 1 to the side of the input")?;
            let fits = (1..=window).contains(&stride);
            check::setting("stride", stride as f64, fits, "from 1 to the side of the window")?;
            let along = (side - window).div_ceil(stride) + 1;
            let add = |start: &Vec<usize>, step: usize| [start.as_slice(), &[step * stride]].concat();
            starts = starts.iter().flat_map(|start| (0..along).map(move |step| add(start, step))).collect();
        }
        Ok(starts)
    }
}

impl Attribution for Occlusion {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let mut asked = Asked::new(model, x, question, self.batch_size)?;
        let sides = asked.sides().to_vec();
        let starts = self.starts(&sides)?;
        let (batch, features, windows) = (asked.batch(), asked.features(), starts.len());
        let cells: Vec<Vec<usize>> = (0..features)
            .map(|mut cell| {
                let mut at: Vec<usize> = sides
                    .iter()
                    .rev()
                    .map(|&side| {
                        let along = cell % side;
                        cell /= side;
                        along
                    })
                    .collect();
                at.reverse();
                at
            })
            .collect();
        let covers = |window: usize, cell: usize| {
            let along = starts[window].iter().zip(&cells[cell]).zip(&self.window);
            along.into_iter().all(|((&start, &at), &side)| (start..start + side).contains(&at))
        };
        // The last variant loses nothing.
        let answers = asked.kept(windows + 1, |window, cell| window == windows || !covers(window, cell))?;
        let groups = asked.groups();
        let mut values = vec![0.0; batch * groups.len()];
        for (cell, group) in groups.ids().iter().enumerate() {
            let over: Vec<usize> = (0..windows).filter(|&window| covers(window, cell)).collect();
            for (row, values) in values.chunks_exact_mut(groups.len()).enumerate() {
                let cost: f64 = over.iter().map(|&window| answers[windows][row] - answers[window][row]).sum();
                values[*group] += cost / over.len() as f64;
            }
        }
        asked.finish_host(values, None, None)
    }
}
