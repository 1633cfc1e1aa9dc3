//! Makes the index of a file while its rows are written.
//!
//! Memory does not grow with the file: blocks are sorted when they are full, and become a chapter, a few bytes a term,
//! before there are too many terms.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use model::words::Words;
use model::{Signal, Table};

use super::blocks::BLOCK_ROWS;
use super::chapter::{CHAPTER_BLOCKS, Chapter, Entry};
use super::config::IndexScope;
use super::format::{self, IndexSize};
use super::terms::{self, Indexed, Members, Section, Texts};
use crate::members;

/// Entries of a chapter, after which it ends before it has all its blocks: 32 MB.
const CHAPTER_ENTRIES_MAX: usize = 4 << 20;
/// Terms remembered, so that one that comes again and again in a block is sorted once.
const REMEMBERED: usize = 1 << 14;

/// The index of a file whose rows are still coming.
#[derive(Debug)]
pub(crate) struct Builder {
    columns: Vec<Column>,
    drawers: Vec<Drawer>,
    rows: u64,
}

/// A finished index, to be put beside the file.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) bytes: Bytes,
    pub(crate) size: IndexSize,
}

/// A column whose values become terms.
#[derive(Debug)]
struct Column {
    place: usize,
    /// Which drawer its terms go to.
    drawer: usize,
    terms: Terms,
}

#[derive(Clone, Copy, Debug)]
enum Terms {
    Traces,
    Texts(Texts),
    Integers(Texts),
    Members(Members),
    Words(Texts),
}

impl Builder {
    /// `None` for signals whose rows nobody looks up one by one.
    pub(crate) fn new(signal: Signal, scope: IndexScope) -> Option<Self> {
        let sections: &[Section] = match scope {
            _ if !terms::has_index(signal) => return None,
            IndexScope::Traces => &[Section::Traces],
            IndexScope::Everything => &[Section::Traces, Section::Values, Section::Words],
        };
        let columns = Table::of(signal).columns.iter().enumerate().filter_map(|(place, column)| {
            let indexed = Indexed::of(signal, column);
            let drawer = sections.iter().position(|section| Some(*section) == indexed.section())?;
            let terms = match indexed {
                Indexed::Traces => Terms::Traces,
                Indexed::Texts => Terms::Texts(Texts::of(column.name)),
                Indexed::Integers => Terms::Integers(Texts::of(column.name)),
                Indexed::Members => Terms::Members(Members::of(column.name)),
                Indexed::Words => Terms::Words(Texts::of(column.name)),
                Indexed::No => return None,
            };
            Some(Column { place, drawer, terms })
        });
        let drawers = sections.iter().map(|section| Drawer::new(*section)).collect();
        Some(Self { columns: columns.collect(), drawers, rows: 0 })
    }

    /// Takes the next rows of the file, in the signal's schema.
    pub(crate) fn see(&mut self, rows: &RecordBatch) {
        let mut from = 0;
        while from < rows.num_rows() {
            let in_block = usize::try_from(self.rows % BLOCK_ROWS as u64).expect("less than a block");
            let count = (rows.num_rows() - from).min(BLOCK_ROWS - in_block);
            for column in &self.columns {
                let values = rows.column(column.place).slice(from, count);
                column.terms.see(&values, &mut self.drawers[column.drawer]);
            }
            from += count;
            self.rows += count as u64;
            if in_block + count == BLOCK_ROWS {
                self.drawers.iter_mut().for_each(Drawer::end_block);
            }
        }
    }

    /// The index of all rows seen.
    pub(crate) fn finish(mut self) -> Index {
        if !self.rows.is_multiple_of(BLOCK_ROWS as u64) {
            self.drawers.iter_mut().for_each(Drawer::end_block);
        }
        let sections = self.drawers.into_iter().map(|drawer| (drawer.section, drawer.finish())).collect();
        format::write(self.rows, sections)
    }
}

impl Terms {
    fn see(self, values: &ArrayRef, drawer: &mut Drawer) {
        if values.null_count() == values.len() {
            return;
        }
        match self {
            Self::Traces => {
                let ids = values.as_fixed_size_binary();
                let mut before = None;
                for id in ids.iter().flatten() {
                    // Rows of a trace come together.
                    if before.replace(id) != Some(id) {
                        drawer.put(terms::trace(id));
                    }
                }
            }
            Self::Integers(texts) => {
                let numbers = values.as_primitive::<Int64Type>();
                numbers.iter().flatten().for_each(|number| drawer.put(texts.hash(&number.to_le_bytes())));
            }
            Self::Texts(texts) => each_text(values, |text| drawer.put(texts.hash(text.as_bytes()))),
            Self::Members(hashes) => each_text(values, |json| {
                let mut is_readable = true;
                let seen = members::each(json, |key, written| match members::text(written) {
                    Ok(Some(text)) => drawer.put(hashes.hash(key, &text)),
                    Ok(None) => {}
                    Err(_) => is_readable = false,
                });
                if seen.is_err() || !is_readable {
                    drawer.put(hashes.unreadable());
                }
            }),
            Self::Words(texts) => {
                let mut folded = String::new();
                each_text(values, |text| {
                    Words::of(text).for_each(|word| drawer.put(texts.hash_word(word, &mut folded)));
                });
            }
        }
    }
}

/// Texts of a column, without those that are the text before.
fn each_text(values: &ArrayRef, mut seen: impl FnMut(&str)) {
    debug_assert_eq!(values.data_type(), &DataType::Utf8View);
    let texts = values.as_string_view();
    let mut before = None;
    for (row, view) in texts.views().iter().enumerate() {
        // Equal views of one array are equal texts.
        if texts.is_valid(row) && before.replace(*view) != Some(*view) {
            seen(texts.value(row));
        }
    }
}

/// The entries of one section.
#[derive(Debug)]
struct Drawer {
    section: Section,
    chapters: Vec<Chapter>,
    /// Blocks of the chapter that have ended.
    blocks: usize,
    /// Of the chapter; sorted up to where the block began.
    entries: Vec<Entry>,
    block_start: usize,
    /// Entries of this chapter, each in the place of its hash.
    recent: Box<[Entry]>,
}

impl Drawer {
    fn new(section: Section) -> Self {
        Self {
            section,
            chapters: Vec::new(),
            blocks: 0,
            entries: Vec::new(),
            block_start: 0,
            recent: vec![Entry::NONE; REMEMBERED].into_boxed_slice(),
        }
    }

    fn put(&mut self, hash: u64) {
        let entry = Entry::new(hash, self.blocks);
        let recent = &mut self.recent[hash as usize >> 8 & (REMEMBERED - 1)];
        if *recent != entry || entry == Entry::NONE {
            *recent = entry;
            self.entries.push(entry);
        }
    }

    fn end_block(&mut self) {
        let block = &mut self.entries[self.block_start..];
        block.sort_unstable();
        let distinct = dedup(block);
        self.entries.truncate(self.block_start + distinct);
        self.block_start = self.entries.len();
        self.blocks += 1;
        if self.blocks == CHAPTER_BLOCKS || self.entries.len() > CHAPTER_ENTRIES_MAX {
            self.end_chapter();
        }
    }

    fn end_chapter(&mut self) {
        // Merges what is sorted already.
        self.entries.sort();
        let bytes_max = self.blocks * BLOCK_ROWS * format::bytes_per_row_max(self.section);
        self.chapters.push(Chapter::write(&self.entries, self.blocks, bytes_max));
        self.blocks = 0;
        self.entries.clear();
        self.block_start = 0;
        // Its blocks have the same numbers as those of the next chapter.
        self.recent.fill(Entry::NONE);
    }

    fn finish(mut self) -> Vec<Chapter> {
        if self.blocks > 0 {
            self.end_chapter();
        }
        self.chapters
    }
}

/// Moves what is distinct in sorted entries to their front, and counts it.
fn dedup(entries: &mut [Entry]) -> usize {
    let mut distinct = 0;
    for place in 0..entries.len() {
        if distinct == 0 || entries[place] != entries[distinct - 1] {
            entries[distinct] = entries[place];
            distinct += 1;
        }
    }
    distinct
}
