//! A model that is tuned in milliseconds.

use burn::tensor::Device;
use kiln_finetune::Examples;
use kiln_models::{Bert, BertConfig, Classifier, TokenBatch};
use kiln_tensor::{Distribution, Noise, devices};

const WIDTH: usize = 8;
const WORDS: usize = 24;

pub(super) fn device() -> Device {
    devices::named("flex").unwrap()
}

fn config() -> BertConfig {
    BertConfig {
        vocab_size: WORDS,
        hidden_size: WIDTH,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 16,
        max_position_embeddings: 12,
        initializer_range: 0.3,
        ..BertConfig::default()
    }
}

pub(super) fn model() -> Classifier {
    Classifier::new(Bert::random(&config(), 1, &device()).unwrap(), 2).unwrap()
}

/// Texts of 2 to 4 words; class 1 has the word 5 in it, class 0 the word 6.
pub(super) fn examples(count: usize, seed: u64) -> Examples {
    let noise = Noise { seed, distribution: Distribution::Uniform };
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for i in 0..count {
        let mut draws = [0.0; 8];
        noise.fill(i as u64, 0, &mut draws);
        let label = i % 2;
        let length = 2 + (draws[0] * 3.0) as usize;
        let mut row: Vec<u32> = draws[1..=length].iter().map(|u| 7 + (u * 17.0) as u32).collect();
        let place = (draws[0] * 1e3) as usize % length;
        row[place] = 6 - label as u32;
        rows.push(row);
        labels.push(label);
    }
    Examples::new(TokenBatch::new(&rows, 0).unwrap(), labels).unwrap()
}
