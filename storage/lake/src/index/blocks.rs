//! Which blocks of a file's rows.

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

/// Rows of a block: as many as a page has at most, so that a block left out is pages left out.
pub(crate) const BLOCK_ROWS: usize = crate::parquet_file::PAGE_ROWS;

/// A set of the blocks of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockSet {
    words: Vec<u64>,
    blocks: usize,
}

impl BlockSet {
    pub(super) fn none_of(blocks: usize) -> Self {
        Self { words: vec![0; blocks.div_ceil(64)], blocks }
    }

    /// Adds the blocks whose bits are set, counted from `first`; blocks beyond the file are none.
    pub(super) fn insert(&mut self, first: usize, mut bits: u128) {
        while bits != 0 {
            let block = first + bits.trailing_zeros() as usize;
            if block < self.blocks {
                self.words[block / 64] |= 1 << (block % 64);
            }
            bits &= bits - 1;
        }
    }

    pub(super) fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(super) fn unite(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    fn has(&self, block: usize) -> bool {
        self.words[block / 64] >> (block % 64) & 1 == 1
    }

    /// Number of rows in the blocks, of a file of `rows`.
    pub(crate) fn rows(&self, rows: u64) -> u64 {
        let present = (0..self.blocks).filter(|block| self.has(*block));
        present.map(|block| rows_of(block, rows)).sum()
    }

    /// The same for the reader of a file of `rows`.
    pub(crate) fn selection(&self, rows: u64) -> RowSelection {
        let selectors = (0..self.blocks).map(|block| {
            let count = usize::try_from(rows_of(block, rows)).expect("a block's rows are counted in 64 bits");
            if self.has(block) { RowSelector::select(count) } else { RowSelector::skip(count) }
        });
        // Neighbours of one kind become one.
        selectors.collect()
    }
}

fn rows_of(block: usize, rows: u64) -> u64 {
    rows.saturating_sub((block * BLOCK_ROWS) as u64).min(BLOCK_ROWS as u64)
}
