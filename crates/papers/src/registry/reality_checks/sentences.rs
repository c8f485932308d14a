//! C2: an LSTM on sentences of 4 to 8 words, and what it makes of their parts.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::acd::{Acd, AcdUnits, Cluster};
use kiln_interpret::attribution::{
    Attribution, FeatureGroups, InputXGradient, IntegratedGradients, Question,
};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::claims::{ACD_JOINS, CD_COMPOSES};
use super::reader::{Reader, batches};
use super::variants::synthetic;
use crate::device::TensorDevice;
use kiln_receipts::statistics::{mean, rank_correlation};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Table, mean_and_deviation};
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

    /// What the rule says of some of the words: for positive, for negative, or nothing.
    fn rule(&self, set: &[bool]) -> f64 {
        let has = |of: std::ops::Range<usize>| {
            self.words.iter().zip(set).any(|(word, inside)| *inside && of.contains(word))
        };
        let alone = f64::from(i8::from(has(0..2)) - i8::from(has(2..NEGATOR)));
        if has(NEGATOR..INTENSIFIER) { -alone } else { alone }
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

/// How sets of words are scored.
const SCORES: [&str; 4] = ["CD", "gradient × word", "integrated gradients", "leaving out"];

/// A trained network, and one sentence as it sees it.
struct Explained<'a> {
    reader: &'a Reader,
    x: Tensor<3>,
    /// Scores of single words, of the methods that give such.
    words: [Vec<f64>; 2],
}

/// How much the network says positive rather than negative, `[sentences, 1]`.
fn positive(logits: Tensor<2>) -> Tensor<2> {
    logits.clone().narrow(1, 1, 1) - logits.narrow(1, 0, 1)
}

impl<'a> Explained<'a> {
    fn new(reader: &'a Reader, sentence: &Sentence, device: &Device) -> Result<Self, ExperimentError> {
        let x = tensor(&[sentence], device);
        let model = |x: Tensor<3>| positive(reader.logits(x));
        let of_words = (0..sentence.words.len() * WORDS.len()).map(|number| number / WORDS.len());
        let question = Question::output(0).groups(FeatureGroups::new(of_words.collect())?);
        let slopes = InputXGradient.attribute(&model, &x, &question)?.values;
        let path = IntegratedGradients::default().attribute(&model, &x, &question)?.values;
        let words = [slopes.try_into_vec_as::<f64>()?, path.try_into_vec_as::<f64>()?];
        Ok(Self { reader, x, words })
    }

    /// How much the words of each set speak for positive, by the score of this place in [`SCORES`].
    fn scores(&self, score: usize, sets: &[Vec<bool>]) -> Result<Vec<f64>, InterpretError> {
        if let 1 | 2 = score {
            let sum = |set: &Vec<bool>| {
                self.words[score - 1]
                    .iter()
                    .zip(set)
                    .map(|(score, inside)| if *inside { *score } else { 0.0 })
                    .sum()
            };
            return Ok(sets.iter().map(sum).collect());
        }
        let units = AcdUnits::Line { count: self.x.dims()[1] };
        let mask = Tensor::<2>::from_data(units.masks(sets)?, &self.x.device());
        let found = if score == 0 {
            positive(self.reader.decompose(self.x.clone(), mask)?.relevant)
        } else {
            let left = self.x.clone() * (-mask + 1.0).unsqueeze_dim(2);
            positive(self.reader.logits(self.x.clone())) - positive(self.reader.logits(left))
        };
        Ok(found.into_data().iter().collect())
    }
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
    /// Of negated sentences, by each score: the mean rank correlation of the spans' scores with the rule, and the
    /// share in which a hierarchy joins negator and word first.
    correlations: [f64; 4],
    joined: [f64; 4],
    /// By CD, where a positive word comes right after a negator: the share in which the word alone speaks for
    /// positive, and in which the pair speaks against.
    alone: f64,
    pair: f64,
    /// A negated sentence and the clusters of its tree: level, first and last word, score.
    example: (String, Vec<(usize, usize, usize, f64)>),
}

fn measure(count: usize, seed: u64, device: &Device) -> Result<Measured, ExperimentError> {
    let reader = trained(seed, device)?;
    let test = sentences(count, seed.wrapping_add(1));
    let (mut right, mut alone, mut pair, mut example) = (0, Vec::new(), Vec::new(), None);
    let (mut correlations, mut joined) = ([(); 4].map(|()| Vec::new()), [(); 4].map(|()| Vec::new()));
    for sentence in &test {
        let length = sentence.words.len();
        let explained = Explained::new(&reader, sentence, device)?;
        let says = positive(reader.logits(explained.x.clone())).into_scalar::<f64>();
        right += usize::from((says > 0.0) == sentence.positive);
        let Some((negator, polarity)) = sentence.negation() else { continue };
        let span =
            |first: usize, last: usize| (0..length).map(|unit| (first..=last).contains(&unit)).collect();
        if polarity == negator + 1 && sentence.words[polarity] < 2 {
            let found = explained.scores(0, &[span(polarity, polarity), span(negator, polarity)])?;
            alone.push(f64::from(u8::from(found[0] > 0.0)));
            pair.push(f64::from(u8::from(found[1] < 0.0)));
        }
        let spans: Vec<Vec<bool>> = (0..length)
            .flat_map(|first| (first..length).map(move |last| (first, last)))
            .map(|(first, last)| span(first, last))
            .collect();
        let rule: Vec<f64> = spans.iter().map(|set| sentence.rule(set)).collect();
        for score in 0..SCORES.len() {
            correlations[score].push(rank_correlation(&explained.scores(score, &spans)?, &rule));
            let units = AcdUnits::Line { count: length };
            let root = Acd::words().agglomerate(&units, |sets| explained.scores(score, sets))?;
            joined[score].push(f64::from(u8::from(composes(&root, sentence, (negator, polarity)))));
            if score == 0 && example.is_none() && polarity == negator + 2 {
                example = Some((sentence.text(), spans_of(&root)));
            }
        }
    }
    Ok(Measured {
        accuracy: right as f64 / test.len() as f64,
        correlations: correlations.map(mean),
        joined: joined.map(mean),
        alone: mean(&alone),
        pair: mean(&pair),
        example: example.ok_or("no sentence to show")?,
    })
}

/// All clusters of a tree.
fn spans_of(root: &Cluster) -> Vec<(usize, usize, usize, f64)> {
    let ends = (root.units[0], root.units[root.units.len() - 1]);
    let mut all = vec![(root.level, ends.0, ends.1, root.score)];
    all.extend(root.children.iter().flat_map(spans_of));
    all
}

pub(super) fn negated_sentences(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let count = context.pick(60, 500);
    let seeds = context.seeds(5);
    recorder.used_data(synthetic("sentences of 4 to 8 words", (4000 + count) * seeds.len()));
    let arm = Arm::new("network", &count, |seed| measure(count, seed, device));
    let [networks] = recorder.sweep(&seeds, [arm])?;
    let mut table = Table::new(
        "sentences",
        "An LSTM on sentences of 4 to 8 words",
        &format!(
            "Mean over {} networks, standard deviation in brackets; {count} test sentences, of which half are negated.",
            seeds.len()
        ),
        &["", "here"],
    );
    let mut row = |name: String, of: &dyn Fn(&Measured) -> f64| {
        table.row([name, mean_and_deviation(&networks.each(of), 3)]);
    };
    row("accuracy".to_owned(), &|measured| measured.accuracy);
    for (score, name) in SCORES.iter().enumerate() {
        row(format!("rank correlation with the rule, {name}"), &|measured| measured.correlations[score]);
    }
    for (score, name) in SCORES.iter().enumerate() {
        row(format!("negator and word joined first, {name}"), &|measured| measured.joined[score]);
    }
    row("\"good\" right after a negator: for positive, CD".to_owned(), &|measured| measured.alone);
    row("\"not good\": for negative, CD".to_owned(), &|measured| measured.pair);
    recorder.table(table);
    for (score, name) in SCORES.iter().enumerate().skip(1) {
        let pairs = |of: fn(&Measured) -> &[f64; 4]| {
            networks.values.iter().map(move |measured| (of(measured)[0], of(measured)[score]))
        };
        recorder.observe_in(name, &CD_COMPOSES, pairs(|measured| &measured.correlations));
        recorder.observe_in(name, &ACD_JOINS, pairs(|measured| &measured.joined));
    }
    if let Some(first) = networks.values.first() {
        recorder.figure(tree(&first.example.0, &first.example.1));
    }
    Ok(())
}

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
