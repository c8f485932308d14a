//! C2: an LSTM on sentences of 4 to 8 words, and what it makes of their parts.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::acd::{Acd, AcdUnits, Cluster};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::reader::{Reader, batches};
use super::synthetic;
use crate::device::TensorDevice;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use kiln_tensor::training::{ByBatches, Descent, adam, cross_entropy};

/// First the words for good and bad, then negators, intensifiers and the others.
const WORDS: [&str; 12] =
    ["good", "great", "bad", "awful", "not", "never", "very", "really", "the", "film", "was", "it"];
const NEGATOR: usize = 4;
const INTENSIFIER: usize = 6;
const NEUTRAL: usize = 8;
const HIDDEN: usize = 16;
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=8;

/// A sentence with one word for good or bad.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sentence {
    words: Vec<usize>,
    positive: bool,
}

impl Sentence {
    /// Half are negated, half (of each) intensified; the words in question stand together at a random place.
    fn draw(length: usize, number: u64, seed: u64) -> Self {
        let mut drawn = vec![0.0_f64; 6 + length];
        Noise { seed, distribution: Distribution::Uniform }.fill(number, 0, &mut drawn);
        let below = |i: usize, count: usize| (drawn[i] * count as f64) as usize;
        let polarity = below(0, NEGATOR);
        let mut core = vec![polarity];
        if drawn[1] < 0.5 {
            core.insert(0, INTENSIFIER + below(2, NEUTRAL - INTENSIFIER));
        }
        let negated = drawn[3] < 0.5;
        if negated {
            core.insert(0, NEGATOR + below(4, INTENSIFIER - NEGATOR));
        }
        let before = below(5, length - core.len() + 1);
        let neutral = |place: usize| NEUTRAL + below(6 + place, WORDS.len() - NEUTRAL);
        let after = before + core.len()..length;
        let words = (0..before).map(neutral).chain(core).chain(after.map(neutral)).collect();
        Self { words, positive: (polarity < 2) != negated }
    }

    fn text(&self) -> String {
        self.words.iter().map(|word| WORDS[*word]).collect::<Vec<_>>().join(" ")
    }

    /// Places of the negator and of the word for good or bad, in a negated sentence.
    fn negation(&self) -> Option<(usize, usize)> {
        let negator = self.words.iter().position(|word| (NEGATOR..INTENSIFIER).contains(word))?;
        Some((negator, self.words.iter().position(|word| *word < NEGATOR)?))
    }
}

/// Sentences of each length in turn.
fn sentences(count: usize, seed: u64) -> Vec<Sentence> {
    let lengths = LENGTHS.count();
    (0..count).map(|i| Sentence::draw(LENGTHS.start() + i % lengths, i as u64, seed)).collect()
}

/// Words as unit vectors, `[sentences, words, 12]`; all of one length.
fn tensor(sentences: &[&Sentence], device: &Device) -> Tensor<3> {
    let length = sentences.first().map_or(0, |sentence| sentence.words.len());
    let mut values = vec![0.0_f32; sentences.len() * length * WORDS.len()];
    let words = sentences.iter().flat_map(|sentence| &sentence.words);
    words.enumerate().for_each(|(place, word)| values[place * WORDS.len() + word] = 1.0);
    Tensor::from_data(TensorData::new(values, [sentences.len(), length, WORDS.len()]), device)
}

/// How much the words of a set speak for positive: the relevant part of the difference of the logits.
fn scores(
    reader: &Reader,
    sentence: &Sentence,
    sets: &[Vec<bool>],
    device: &Device,
) -> Result<Vec<f64>, InterpretError> {
    let units = AcdUnits::Line { count: sentence.words.len() };
    let mask = Tensor::<2>::from_data(units.masks(sets)?, device);
    let logits = reader.decompose(tensor(&[sentence], device), mask)?.relevant;
    let logits: Vec<f64> = logits.into_data().iter().collect();
    Ok(logits.chunks_exact(2).map(|of_set| of_set[1] - of_set[0]).collect())
}

fn trained(seed: u64, device: &Device) -> Result<Reader, ExperimentError> {
    let sentences = sentences(4000, seed);
    let lengths: Vec<usize> = sentences.iter().map(|sentence| sentence.words.len()).collect();
    let reader = Reader::new(WORDS.len(), HIDDEN, seed, &device.clone().autodiff())?;
    let mut task = ByBatches {
        batches: |epoch| Ok(batches(&lengths, 50, seed, epoch as u64)),
        learning_rate: 5e-3,
        loss: |reader: &Reader, batch: &Vec<usize>, _| {
            let batch: Vec<&Sentence> = batch.iter().map(|&place| &sentences[place]).collect();
            let classes: Vec<i32> = batch.iter().map(|sentence| i32::from(sentence.positive)).collect();
            let classes = Tensor::<1, Int>::from_data(classes.as_slice(), device).autodiff();
            cross_entropy(reader.logits(tensor(&batch, device).autodiff()), classes)
        },
    };
    let trained = Descent::new(reader, adam()).run(10, &mut task, |_, _| Ok(ControlFlow::Continue(())))?;
    Ok(trained.module().valid())
}

/// Whether the negator and its word are joined before either is with a neutral one.
fn composes(root: &Cluster, sentence: &Sentence, (negator, polarity): (usize, usize)) -> bool {
    let has = |cluster: &Cluster, unit| cluster.units.binary_search(&unit).is_ok();
    let mut smallest = root;
    while let Some(child) = smallest.children.iter().find(|child| has(child, negator) && has(child, polarity))
    {
        smallest = child;
    }
    smallest.units.iter().all(|unit| sentence.words[*unit] < NEUTRAL)
}

/// Of one network.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    accuracy: f64,
    /// Of test sentences with a positive word right after a negator: the word alone speaks for positive, the
    /// pair against.
    alone: f64,
    pair: f64,
    /// Of all test sentences with a positive word: it speaks for positive alone.
    anywhere: f64,
    /// Of negated test sentences, those in which negator and word are joined first.
    joined: f64,
    /// A negated sentence and the clusters of its tree: level, first and last word, score.
    example: (String, Vec<(usize, usize, usize, f64)>),
}

fn measure(seed: u64, device: &Device) -> Result<Measured, ExperimentError> {
    let reader = trained(seed, device)?;
    let test = sentences(500, seed.wrapping_add(1));
    let mut right = 0;
    let (mut alone, mut pair, mut anywhere, mut joined) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut example = None;
    for sentence in &test {
        let length = sentence.words.len();
        let logits: Vec<f32> = reader.logits(tensor(&[sentence], device)).into_data().try_to_vec()?;
        right += usize::from((logits[1] > logits[0]) == sentence.positive);
        let set = |members: &[usize]| (0..length).map(|unit| members.contains(&unit)).collect::<Vec<_>>();
        if let Some(word) = sentence.words.iter().position(|word| *word < 2) {
            let found = scores(&reader, sentence, &[set(&[word])], device)?;
            anywhere.push(f64::from(u8::from(found[0] > 0.0)));
        }
        let Some((negator, polarity)) = sentence.negation() else { continue };
        if polarity == negator + 1 && sentence.words[polarity] < 2 {
            let found = scores(&reader, sentence, &[set(&[polarity]), set(&[negator, polarity])], device)?;
            alone.push(f64::from(u8::from(found[0] > 0.0)));
            pair.push(f64::from(u8::from(found[1] < 0.0)));
        }
        let units = AcdUnits::Line { count: length };
        let root = Acd::words().agglomerate(&units, |sets| scores(&reader, sentence, sets, device))?;
        joined.push(f64::from(u8::from(composes(&root, sentence, (negator, polarity)))));
        if example.is_none() && length == 6 && polarity == negator + 2 {
            example = Some((sentence.text(), spans(&root)));
        }
    }
    Ok(Measured {
        accuracy: right as f64 / test.len() as f64,
        alone: mean(&alone),
        pair: mean(&pair),
        anywhere: mean(&anywhere),
        joined: mean(&joined),
        example: example.ok_or("no sentence to show")?,
    })
}

/// All clusters of a tree.
fn spans(root: &Cluster) -> Vec<(usize, usize, usize, f64)> {
    let ends = (root.units[0], root.units[root.units.len() - 1]);
    let mut all = vec![(root.level, ends.0, ends.1, root.score)];
    all.extend(root.children.iter().flat_map(spans));
    all
}

pub(super) fn negated_sentences(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 5));
    recorder.used_data(synthetic("sentences of 4 to 8 words", 4500 * seeds.len()));
    let mut table = Table::new(
        "sentences",
        "An LSTM on sentences of 4 to 8 words",
        "Shares of 500 test sentences: classified rightly; with a positive word right after a negator, those \
         in which the word alone speaks for positive, and the pair for negative; negated ones in which ACD \
         joins negator and word before a neutral word; all with a positive word, in which it speaks for positive.",
        &["network", "accuracy", "\"good\" > 0", "\"not good\" < 0", "joined", "\"good\" > 0, all"],
    );
    let progress = recorder.progress(seeds.len() as u64, "networks");
    for (index, seed) in seeds.into_iter().enumerate() {
        let found = recorder.memo(&seed.to_string(), || measure(seed, &device))?;
        progress.inc(1);
        let shares = [found.accuracy, found.alone, found.pair, found.joined];
        for (check, share) in CHECKS.into_iter().zip(shares) {
            recorder.record("C2", check, [share]);
        }
        table.row(
            std::iter::once((index + 1).to_string())
                .chain(shares.into_iter().chain([found.anywhere]).map(|x| Number(x).to_string())),
        );
        if index == 0 {
            recorder.figure(tree(&found.example.0, &found.example.1));
        }
    }
    drop(progress);
    recorder.table(table);
    Ok(())
}

pub(super) const CHECKS: [&str; 4] =
    ["accuracy", "share with \"good\" > 0", "share with \"not good\" < 0", "share joined first"];

/// The tree of a sentence: a line for each cluster over its words, at its level.
fn tree(sentence: &str, spans: &[(usize, usize, usize, f64)]) -> Figure {
    let mut figure = Figure::new(
        "sentence",
        &format!("Parts of \"{sentence}\""),
        "A line or point for each part of the hierarchy, over its words; blue speaks for positive, orange \
         for negative.",
        Axis::categories("word", sentence.split(' ')),
        Axis::linear("level"),
    );
    for (colour, name) in ["for positive", "for negative"].into_iter().enumerate() {
        let mut points = Vec::new();
        for &(level, first, last, score) in spans {
            if (score < 0.0) == (colour == 1) {
                points.extend([first, last].map(|word| (word as f64, level as f64)));
                points.push((f64::NAN, f64::NAN));
            }
        }
        figure = figure.with(Kind::LinePoints, name, colour, points);
    }
    figure
}
