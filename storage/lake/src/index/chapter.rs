//! A run of blocks with all its terms: which block has a term, in little more than two bytes a term.
//!
//! Terms are hashes, of which a chapter keeps as many bits as tell its terms apart 255 times in 256. Sorted, they are
//! differences in Rice's code, followed by the blocks that have the term. Buckets of a common prefix are read by themselves.

use super::bits::{BitReader, BitWriter, push_number, take_number};

/// Blocks of a chapter at most.
pub(super) const CHAPTER_BLOCKS: usize = 128;
/// Bits of a hash beyond those that number the terms: a term that is not there seems to be once in 2^8.
const EXTRA_BITS: u32 = 8;
/// Terms of a bucket on average.
const BUCKET_TERMS: usize = 256;
/// Bits that name a block in an entry.
const BLOCK_BITS: u32 = CHAPTER_BLOCKS.ilog2();
/// Longest list of blocks; more are a bit for each.
const LISTED_BLOCKS_MAX: u32 = 17;

/// A term in a block: the term's hash, but for the bits that name the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(u64);

impl Entry {
    /// As good as never the entry of a term.
    pub(super) const NONE: Self = Self(0);

    pub(super) fn new(hash: u64, block: usize) -> Self {
        debug_assert!(block < CHAPTER_BLOCKS);
        Self(hash >> BLOCK_BITS << BLOCK_BITS | block as u64)
    }

    fn prefix(self, bits: u32) -> u64 {
        prefix(self.0, bits)
    }

    fn block(self) -> u32 {
        self.0 as u32 % CHAPTER_BLOCKS as u32
    }
}

/// The first bits of a hash.
pub(super) fn prefix(hash: u64, bits: u32) -> u64 {
    if bits == 0 { 0 } else { hash >> (u64::BITS - bits) }
}

/// How a chapter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Shape {
    /// Number of blocks.
    pub(super) blocks: usize,
    /// Bits of a hash that name its bucket.
    pub(super) bucket_bits: u32,
    /// Bits of a hash that are kept.
    pub(super) hash_bits: u32,
    /// Bits of a difference that are written as they are.
    rice_bits: u32,
}

/// A chapter in its written form.
#[derive(Debug)]
pub(super) struct Chapter {
    pub(super) shape: Shape,
    /// Each with its length before it.
    pub(super) buckets: Vec<Vec<u8>>,
}

impl Chapter {
    /// Writes sorted entries without repetitions in at most `bytes_max`, if need be with fewer bits of each hash.
    pub(super) fn write(entries: &[Entry], blocks: usize, bytes_max: usize) -> Self {
        let terms = entries.chunk_by(|one, next| one.0 >> BLOCK_BITS == next.0 >> BLOCK_BITS).count();
        let mut hash_bits = terms.max(1).next_power_of_two().ilog2() + EXTRA_BITS;
        loop {
            let chapter = Self::write_with(entries, Shape::of(blocks, terms, hash_bits));
            let bytes: usize = chapter.buckets.iter().map(Vec::len).sum();
            if bytes <= bytes_max || hash_bits == 0 {
                return chapter;
            }
            hash_bits -= 1;
        }
    }

    fn write_with(entries: &[Entry], shape: Shape) -> Self {
        let mut rest = entries;
        let buckets = (0..1_u64 << shape.bucket_bits).map(|bucket| {
            let end = rest.partition_point(|entry| entry.prefix(shape.bucket_bits) <= bucket);
            let (own, others) = rest.split_at(end);
            rest = others;
            shape.write_bucket(own, bucket)
        });
        let buckets = buckets.collect();
        Self { shape, buckets }
    }
}

impl Shape {
    fn of(blocks: usize, terms: usize, hash_bits: u32) -> Self {
        let bucket_bits = (terms / BUCKET_TERMS).max(1).ilog2().min(hash_bits);
        let rice_bits = hash_bits.saturating_sub(terms.max(1).ilog2());
        Self { blocks, bucket_bits, hash_bits, rice_bits }
    }

    /// False for what no writer writes.
    pub(super) fn is_sound(&self) -> bool {
        (1..=CHAPTER_BLOCKS).contains(&self.blocks)
            && self.hash_bits <= u64::BITS - BLOCK_BITS
            && self.bucket_bits <= self.hash_bits
            && self.rice_bits <= self.hash_bits
    }

    fn block_bits(&self) -> u32 {
        self.blocks.next_power_of_two().ilog2()
    }

    fn write_bucket(&self, entries: &[Entry], bucket: u64) -> Vec<u8> {
        let same = |one: &Entry, next: &Entry| one.prefix(self.hash_bits) == next.prefix(self.hash_bits);
        let mut bits = BitWriter::default();
        let mut terms = 0;
        let mut next = bucket << (self.hash_bits - self.bucket_bits);
        for term in entries.chunk_by(same) {
            let hash = term[0].prefix(self.hash_bits);
            bits.push_rice(hash - next, self.rice_bits);
            self.write_blocks(&mut bits, term.iter().fold(0, |set, entry| set | 1_u128 << entry.block()));
            next = hash + 1;
            terms += 1;
        }
        let mut body = Vec::new();
        push_number(&mut body, terms);
        body.extend(bits.finish());
        let mut bytes = Vec::with_capacity(body.len() + 2);
        push_number(&mut bytes, body.len());
        bytes.extend(body);
        bytes
    }

    /// One block; a short list; or a bit for each.
    fn write_blocks(&self, bits: &mut BitWriter, mut blocks: u128) {
        let count = blocks.count_ones();
        let is_list = count <= LISTED_BLOCKS_MAX && count * self.block_bits() + 4 < self.blocks as u32;
        match (count, is_list) {
            (1, _) => bits.push(0b0, 1),
            (_, true) => {
                bits.push(0b01, 2);
                bits.push(u64::from(count - 2), 4);
            }
            (_, false) => {
                bits.push(0b11, 2);
                return bits.push_wide(blocks, self.blocks as u32);
            }
        }
        while blocks != 0 {
            bits.push(u64::from(blocks.trailing_zeros()), self.block_bits());
            blocks &= blocks - 1;
        }
    }

    fn read_blocks(&self, bits: &mut BitReader<'_>) -> u128 {
        if bits.take(1) == 0 {
            return 1 << bits.take(self.block_bits());
        }
        if bits.take(1) == 1 {
            return bits.take_wide(self.blocks as u32);
        }
        let count = bits.take(4) + 2;
        (0..count).fold(0, |set, _| set | 1_u128 << bits.take(self.block_bits()))
    }

    /// The blocks that have the term, by its bucket; `None` when the bucket is damaged.
    fn find(&self, mut body: &[u8], hash: u64) -> Option<u128> {
        let terms = take_number(&mut body)?;
        let mut bits = BitReader::new(body);
        let wanted = prefix(hash, self.hash_bits);
        let mut next = prefix(hash, self.bucket_bits) << (self.hash_bits - self.bucket_bits);
        for _ in 0..terms {
            let found = next.checked_add(bits.take_rice(self.rice_bits))?;
            let blocks = self.read_blocks(&mut bits);
            if found >= wanted {
                return Some(if found == wanted { blocks } else { 0 });
            }
            next = found + 1;
        }
        Some(0)
    }

    /// Takes this chapter's buckets off the front of a shelf, and looks the term up in its own.
    pub(super) fn find_on_shelf(&self, shelf: &mut &[u8], shelf_bits: u32, hash: u64) -> Option<u128> {
        let buckets = 1_u64 << (self.bucket_bits - shelf_bits);
        let own = prefix(hash, self.bucket_bits) % buckets;
        let mut found = None;
        for bucket in 0..buckets {
            let length = take_number(shelf)?;
            let (body, rest) = shelf.split_at_checked(length)?;
            *shelf = rest;
            if bucket == own {
                found = self.find(body, hash);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(term: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&term.to_le_bytes())
    }

    fn find(chapter: &Chapter, term: u64) -> u128 {
        let shelf: Vec<u8> = chapter.buckets.concat();
        chapter.shape.find_on_shelf(&mut shelf.as_slice(), 0, hash(term)).expect("a sound bucket")
    }

    /// Term `n` is in blocks 0, n, 2n...
    fn entries(terms: u64, blocks: usize) -> Vec<Entry> {
        let of_term = |term: u64| (0..blocks).step_by(term as usize).map(move |block| Entry::new(hash(term), block));
        let mut entries: Vec<Entry> = (1..=terms).flat_map(of_term).collect();
        entries.sort_unstable();
        entries
    }

    #[test]
    fn each_term_is_found_in_its_blocks_and_hardly_any_other_in_any() {
        for blocks in [1, 2, 77, CHAPTER_BLOCKS] {
            let entries = entries(20_000, blocks);

            let chapter = Chapter::write(&entries, blocks, usize::MAX);

            for term in 1..=20_000 {
                let expected = (0..blocks).step_by(term as usize).fold(0, |set, block| set | 1_u128 << block);
                assert_eq!(find(&chapter, term) & expected, expected, "{term} of {blocks}");
            }
            let wrong = (20_001..120_000_u64).filter(|term| find(&chapter, *term) != 0).count();
            assert!(wrong < 100_000 / 200, "{wrong} of 100000 seem to be there");
        }
    }

    #[test]
    fn a_limit_of_bytes_costs_precision_and_loses_no_term() {
        let entries = entries(5_000, CHAPTER_BLOCKS);

        let chapter = Chapter::write(&entries, CHAPTER_BLOCKS, 4_000);

        assert!(chapter.buckets.iter().map(Vec::len).sum::<usize>() <= 4_000);
        for term in 1..=5_000 {
            let expected = (0..CHAPTER_BLOCKS).step_by(term as usize).fold(0, |set, block| set | 1_u128 << block);
            assert_eq!(find(&chapter, term) & expected, expected, "{term}");
        }
    }

    #[test]
    fn damaged_buckets_are_none_or_wrong_and_never_panic() {
        let chapter = Chapter::write(&entries(300, 9), 9, usize::MAX);
        let shelf: Vec<u8> = chapter.buckets.concat();

        for place in 0..shelf.len() {
            let mut damaged = shelf.clone();
            damaged[place] ^= 0xff;
            for term in [1, 50, 299, 301] {
                let _ = chapter.shape.find_on_shelf(&mut damaged.as_slice(), 0, hash(term));
                let _ = chapter.shape.find_on_shelf(&mut &damaged[..place], 0, hash(term));
            }
        }
    }
}
