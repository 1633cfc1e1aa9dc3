//! The object that an index is.
//!
//! Shelves come first: a shelf holds, for all chapters of a section, the terms whose hashes begin alike, so that looking up a term
//! is reading one shelf. The contents come last: the length of each shelf, the shape of each chapter. Everything has a checksum.
//!
//! ```text
//! shelf*  (bucket+ checksum)        of each section in turn
//! lengths (u32*)                    of each section in turn
//! JSON, checksum of lengths and JSON, length of JSON, magic
//! ```

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::blocks::{BLOCK_ROWS, BlockSet};
use super::build::Index;
use super::chapter::{Chapter, Shape, prefix};
use super::terms::Section;

const MAGIC: &[u8; 8] = b"OBSINDEX";
const VERSION: u32 = 1;
/// What follows the JSON: checksum, length, magic.
const END_BYTES: usize = 4 + 4 + MAGIC.len();
const CHECKSUM_BYTES: usize = 4;

/// Size of an index, as the manifest knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexSize {
    /// Of the object.
    pub(crate) bytes: u64,
    /// Of its end, which says where everything is.
    pub(crate) contents_bytes: u64,
}

/// Bytes that a section may take for each row of the file; over it, its terms become less precise.
pub(super) fn bytes_per_row_max(section: Section) -> usize {
    match section {
        Section::Traces => 3,
        Section::Values | Section::Words => 4,
    }
}

/// What an index holds, and where.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contents {
    version: u32,
    /// Rows of the file.
    rows: u64,
    block_rows: usize,
    sections: Vec<SectionContents>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SectionContents {
    section: Section,
    /// Bits of a hash that name its shelf.
    shelf_bits: u32,
    chapters: Vec<Shape>,
    /// Where each shelf begins, and where the last one ends.
    #[serde(skip)]
    starts: Vec<u64>,
}

pub(super) fn write(rows: u64, sections: Vec<(Section, Vec<Chapter>)>) -> Index {
    let mut bytes = Vec::new();
    let mut lengths: Vec<u8> = Vec::new();
    let sections = sections.into_iter().map(|(section, chapters)| {
        let shelf_bits = chapters.iter().map(|chapter| chapter.shape.bucket_bits).min().unwrap_or(0);
        for shelf in 0..1_usize << shelf_bits {
            let start = bytes.len();
            for chapter in &chapters {
                let buckets = chapter.buckets.len() >> shelf_bits;
                chapter.buckets[shelf * buckets..][..buckets].iter().for_each(|bucket| bytes.extend(bucket));
            }
            bytes.extend(checksum(&bytes[start..]));
            let length = u32::try_from(bytes.len() - start).expect("a shelf is a part of a limited section");
            lengths.extend(length.to_le_bytes());
        }
        let chapters = chapters.iter().map(|chapter| chapter.shape).collect();
        SectionContents { section, shelf_bits, chapters, starts: Vec::new() }
    });
    let contents = Contents { version: VERSION, rows, block_rows: BLOCK_ROWS, sections: sections.collect() };
    let json = serde_json::to_vec(&contents).expect("contents are plain data");
    let start = bytes.len();
    bytes.extend(lengths);
    bytes.extend(&json);
    bytes.extend(checksum(&bytes[start..]));
    bytes.extend(u32::try_from(json.len()).expect("contents are short").to_le_bytes());
    bytes.extend(MAGIC);
    let size = IndexSize { bytes: bytes.len() as u64, contents_bytes: (bytes.len() - start) as u64 };
    Index { bytes: bytes.into(), size }
}

impl Contents {
    /// Reads the end of an index of a file of so many rows; the error says what is wrong with it.
    pub(super) fn read(end: &[u8], rows: u64) -> Result<Self, String> {
        let short = || format!("its contents are cut short to {} bytes", end.len());
        let (body, tail) = end.split_at_checked(end.len().saturating_sub(END_BYTES)).ok_or_else(short)?;
        let (sum, tail) = tail.split_at_checked(CHECKSUM_BYTES).ok_or_else(short)?;
        let (length, magic) = tail.split_at_checked(4).ok_or_else(short)?;
        if magic != MAGIC {
            return Err("it does not end as an index does".to_owned());
        }
        if checksum(body) != sum {
            return Err("the checksum of its contents is wrong".to_owned());
        }
        let json = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let (lengths, json) = body.split_at_checked(body.len().saturating_sub(json)).ok_or_else(short)?;
        let mut contents: Self = serde_json::from_slice(json).map_err(|cause| cause.to_string())?;
        contents.check(rows)?;
        contents.place(lengths).ok_or_else(short)?;
        Ok(contents)
    }

    fn check(&self, rows: u64) -> Result<(), String> {
        if (self.version, self.block_rows) != (VERSION, BLOCK_ROWS) {
            let Self { version, block_rows, .. } = self;
            return Err(format!("its version is {version} with blocks of {block_rows} rows, which nobody here reads"));
        }
        if self.rows != rows {
            return Err(format!("it is of {} rows, and the file has {rows}", self.rows));
        }
        let is_sound = |section: &SectionContents| {
            let blocks: usize = section.chapters.iter().map(|chapter| chapter.blocks).sum();
            let fits = |chapter: &Shape| chapter.is_sound() && section.shelf_bits <= chapter.bucket_bits;
            section.chapters.iter().all(fits) && blocks == self.blocks()
        };
        if self.sections.iter().all(is_sound) { Ok(()) } else { Err("its chapters do not fit together".to_owned()) }
    }

    /// Sums the lengths of the shelves up.
    fn place(&mut self, mut lengths: &[u8]) -> Option<()> {
        let mut start = 0;
        for section in &mut self.sections {
            let shelves = 1_usize.checked_shl(section.shelf_bits)?;
            let own = lengths.split_off(..shelves.checked_mul(4)?)?;
            section.starts.push(start);
            for length in own.chunks_exact(4) {
                start += u64::from(u32::from_le_bytes(length.try_into().expect("four bytes")));
                section.starts.push(start);
            }
        }
        Some(())
    }

    /// Blocks of the file.
    pub(super) fn blocks(&self) -> usize {
        usize::try_from(self.rows.div_ceil(BLOCK_ROWS as u64)).expect("blocks are counted in 64 bits")
    }

    /// Memory that it takes.
    pub(super) fn byte_size(&self) -> usize {
        let of_section = |section: &SectionContents| {
            size_of_val(section.starts.as_slice()) + size_of_val(section.chapters.as_slice())
        };
        size_of::<Self>() + self.sections.iter().map(of_section).sum::<usize>()
    }

    /// Which shelf holds the term, if the index has the section.
    pub(super) fn shelf_of(&self, section: Section, hash: u64) -> Option<u64> {
        self.section(section).map(|contents| prefix(hash, contents.shelf_bits))
    }

    /// Where the shelf is in the object.
    pub(super) fn range(&self, section: Section, shelf: u64) -> Option<Range<u64>> {
        let starts = &self.section(section)?.starts;
        let shelf = usize::try_from(shelf).ok()?;
        Some(*starts.get(shelf)?..*starts.get(shelf + 1)?)
    }

    /// The blocks that have the term, by its shelf; `None` when the shelf is damaged.
    pub(super) fn find(&self, section: Section, hash: u64, shelf: &[u8]) -> Option<BlockSet> {
        let contents = self.section(section)?;
        let mut rest = sound_shelf(shelf)?;
        let mut found = BlockSet::none_of(self.blocks());
        let mut first_block = 0;
        for chapter in &contents.chapters {
            found.insert(first_block, chapter.find_on_shelf(&mut rest, contents.shelf_bits, hash)?);
            first_block += chapter.blocks;
        }
        Some(found)
    }

    fn section(&self, section: Section) -> Option<&SectionContents> {
        self.sections.iter().find(|contents| contents.section == section)
    }
}

/// The shelf without its checksum, when that is right.
fn sound_shelf(shelf: &[u8]) -> Option<&[u8]> {
    let (shelf, sum) = shelf.split_at_checked(shelf.len().checked_sub(CHECKSUM_BYTES)?)?;
    (checksum(shelf) == sum).then_some(shelf)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let [first, second, third, fourth, ..] = xxh3_64(bytes).to_le_bytes();
    [first, second, third, fourth]
}

/// The object without its contents, for one that is read at once.
pub(super) fn slice(object: &Bytes, range: &Range<u64>) -> Option<Bytes> {
    let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
    (start <= end && end <= object.len()).then(|| object.slice(start..end))
}
