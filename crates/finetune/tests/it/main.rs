//! Fine-tuning: the loop, its files, its command line.
mod inputs;
mod run;
mod tiny;
mod library;
