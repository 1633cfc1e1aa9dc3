//! A column chunk of values that repeat, kept as runs over a dictionary from the first row to the page.
//!
//! Half of a table's columns say the same for a whole request, or nothing at all. The general writer hashes each of their
//! values; here a value is compared with the one before it, and a column that says nothing costs nothing
//! (docs/benchmarks.md has the figures). What comes out is an ordinary dictionary-encoded chunk.

use std::collections::HashMap;
use std::ops::Range;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Int32Type, Int64Type, UInt32Type};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::properties::EnabledStatistics;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::hybrid;

/// Stands for NULL among the codes.
const NULL: u32 = u32::MAX;
/// Longest text that a view holds in itself.
const INLINE_BYTES: u32 = 12;
/// Longer texts are left out of the statistics.
const STATISTICS_BYTES_MAX: usize = 64;

/// The rows of one column in one row group.
#[derive(Debug, Default)]
pub(crate) struct RunColumn {
    /// Code and length of each run.
    runs: Vec<(u32, usize)>,
    rows: usize,
    nulls: usize,
    dictionary: Dictionary,
}

/// The distinct values by the order in which they came.
#[derive(Debug, Default)]
struct Dictionary {
    /// Numbers, and texts that fit into a view.
    short: HashMap<u128, u32, RandomState>,
    long: HashMap<Box<[u8]>, u32, RandomState>,
    /// As the dictionary page has them.
    plain: Vec<u8>,
    /// Where each value lies in `plain`, without its length.
    places: Vec<Range<usize>>,
}

/// How a chunk is written.
pub(crate) struct ChunkOptions<'a> {
    pub(crate) column: &'a ColumnDescPtr,
    pub(crate) statistics: EnabledStatistics,
    pub(crate) page_rows: usize,
    pub(crate) compression: Compression,
}

impl RunColumn {
    /// A column that has begun with rows that say nothing.
    pub(crate) fn of_nulls(rows: usize) -> Self {
        let mut column = Self::default();
        column.append_nulls(rows);
        column
    }

    /// Memory held, in bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let Self { runs, dictionary, .. } = self;
        // Long texts are kept as they are written and as keys.
        let entries = dictionary.places.len() * (size_of::<Range<usize>>() + 2 * size_of::<u128>());
        runs.capacity() * size_of::<(u32, usize)>() + 2 * dictionary.plain.capacity() + entries
    }

    /// Adds rows of a type that `encodings` plans to write as runs.
    pub(crate) fn append(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Utf8View => self.append_texts(array),
            DataType::UInt32 => self.append_numbers(array.as_primitive::<UInt32Type>(), u64::from),
            DataType::Int32 => self.append_numbers(array.as_primitive::<Int32Type>(), |value| u64::from(value as u32)),
            DataType::Int64 => self.append_numbers(array.as_primitive::<Int64Type>(), |value| value as u64),
            other => unreachable!("{other} is not written as runs"),
        }
    }

    /// Adds rows that say nothing.
    pub(crate) fn append_nulls(&mut self, rows: usize) {
        self.push(NULL, rows);
    }

    fn append_texts(&mut self, array: &ArrayRef) {
        let texts = array.as_string_view();
        // Within one array, the same view is the same text.
        let mut last = None;
        for (row, view) in texts.views().iter().enumerate() {
            if texts.is_null(row) {
                self.push(NULL, 1);
                continue;
            }
            let code = match last {
                Some((before, code)) if before == *view => code,
                _ if *view as u32 <= INLINE_BYTES => self.dictionary.short(*view, || texts.value(row).as_bytes()),
                _ => self.dictionary.long(texts.value(row).as_bytes()),
            };
            last = Some((*view, code));
            self.push(code, 1);
        }
    }

    fn append_numbers<T: ArrowPrimitiveType>(&mut self, array: &PrimitiveArray<T>, bits: impl Fn(T::Native) -> u64) {
        let mut last = None;
        for (row, value) in array.values().iter().enumerate() {
            if array.is_null(row) {
                self.push(NULL, 1);
                continue;
            }
            let value = bits(*value);
            let code = match last {
                Some((before, code)) if before == value => code,
                _ => self.dictionary.number(value, size_of::<T::Native>()),
            };
            last = Some((value, code));
            self.push(code, 1);
        }
    }

    #[inline]
    fn push(&mut self, code: u32, rows: usize) {
        self.rows += rows;
        if code == NULL {
            self.nulls += rows;
        }
        match self.runs.last_mut() {
            Some((last, times)) if *last == code => *times += rows,
            _ if rows > 0 => self.runs.push((code, rows)),
            _ => {}
        }
    }

    /// The chunk's bytes, and what the file has to know of them.
    pub(crate) fn finish(self, options: &ChunkOptions<'_>) -> Result<(Bytes, ColumnCloseResult)> {
        let Self { runs, rows, nulls, dictionary } = self;
        // Nothing but NULLs: some bytes, which no compression makes fewer.
        let compression = if dictionary.is_empty() { Compression::UNCOMPRESSED } else { options.compression };
        let mut chunk = Chunk::new(compression)?;
        let dictionary_offset = dictionary.page().map(|page| chunk.write(page)).transpose()?;
        let mut data_offset = None;
        let mut offset_index = OffsetIndexBuilder::new();
        let mut column_index = ColumnIndexBuilder::new(options.column.physical_type());
        for page in pages(&runs, options.page_rows) {
            let page_rows: usize = page.iter().map(|(_, times)| times).sum();
            let data = dictionary.data_page(&page, page_rows, options.column);
            let (before, offset) = (chunk.compressed_bytes, chunk.write(data)?);
            data_offset.get_or_insert(offset);
            let bytes = i32::try_from(chunk.compressed_bytes - before).expect("a page is far below 2 GiB");
            offset_index.append_row_count(page_rows as i64);
            offset_index.append_offset_and_size(offset, bytes);
            dictionary.index(&page, &mut column_index);
        }
        let (bytes, compressed, uncompressed) = chunk.finish()?;
        let mut metadata = ColumnChunkMetaData::builder(options.column.clone())
            .set_compression(compression)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_total_compressed_size(compressed)
            .set_total_uncompressed_size(uncompressed)
            .set_num_values(rows as i64)
            .set_data_page_offset(data_offset.unwrap_or(0))
            .set_dictionary_page_offset(dictionary_offset);
        let statistics = dictionary.statistics(nulls, options.column.physical_type());
        if let Some(statistics) = statistics.filter(|_| options.statistics != EnabledStatistics::None) {
            metadata = metadata.set_statistics(statistics);
        }
        let column_index = (options.statistics == EnabledStatistics::Page).then(|| column_index.build()).transpose()?;
        let close = ColumnCloseResult {
            bytes_written: compressed as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index,
            offset_index: Some(offset_index.build()),
        };
        Ok((bytes, close))
    }
}

/// The runs, cut where pages end.
fn pages(runs: &[(u32, usize)], page_rows: usize) -> Vec<Vec<(u32, usize)>> {
    let mut pages = vec![Vec::new()];
    let mut room = page_rows;
    for (code, mut times) in runs.iter().copied() {
        while times > 0 {
            if room == 0 {
                pages.push(Vec::new());
                room = page_rows;
            }
            let here = times.min(room);
            pages.last_mut().expect("there is a first page").push((code, here));
            times -= here;
            room -= here;
        }
    }
    pages
}

impl Dictionary {
    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[inline]
    fn short<'a>(&mut self, view: u128, bytes: impl FnOnce() -> &'a [u8]) -> u32 {
        if let Some(code) = self.short.get(&view) {
            return *code;
        }
        let code = self.add_text(bytes());
        self.short.insert(view, code);
        code
    }

    fn long(&mut self, bytes: &[u8]) -> u32 {
        if let Some(code) = self.long.get(bytes) {
            return *code;
        }
        let code = self.add_text(bytes);
        self.long.insert(bytes.into(), code);
        code
    }

    fn number(&mut self, bits: u64, width: usize) -> u32 {
        if let Some(code) = self.short.get(&u128::from(bits)) {
            return *code;
        }
        let code = self.add(&bits.to_le_bytes()[..width]);
        self.short.insert(u128::from(bits), code);
        code
    }

    fn add_text(&mut self, bytes: &[u8]) -> u32 {
        let length = u32::try_from(bytes.len()).expect("a text is far below 4 GiB");
        self.plain.extend_from_slice(&length.to_le_bytes());
        self.add(bytes)
    }

    fn add(&mut self, bytes: &[u8]) -> u32 {
        let start = self.plain.len();
        self.plain.extend_from_slice(bytes);
        self.places.push(start..self.plain.len());
        u32::try_from(self.places.len() - 1).expect("a row group has fewer than 2^32 rows")
    }

    fn value(&self, code: u32) -> &[u8] {
        &self.plain[self.places[code as usize].clone()]
    }

    fn page(&self) -> Option<Page> {
        (!self.is_empty()).then(|| Page::DictionaryPage {
            buf: self.plain.clone().into(),
            num_values: self.places.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })
    }

    fn data_page(&self, runs: &[(u32, usize)], rows: usize, column: &ColumnDescPtr) -> Page {
        let mut buf = Vec::new();
        if column.max_rep_level() > 0 {
            write_levels(&mut buf, column.max_rep_level(), [(0, rows)]);
        }
        if column.max_def_level() > 0 {
            let greatest = column.max_def_level();
            let level = |code| if code == NULL { 0 } else { greatest as u32 };
            write_levels(&mut buf, greatest, joined(runs.iter().map(|(code, times)| (level(*code), *times))));
        }
        let mut encoding = Encoding::PLAIN;
        if !self.is_empty() {
            let bits = hybrid::bits_for(self.places.len() as u32 - 1).max(1);
            buf.push(bits);
            hybrid::write(&mut buf, bits, runs.iter().copied().filter(|(code, _)| *code != NULL));
            encoding = Encoding::RLE_DICTIONARY;
        }
        Page::DataPage {
            buf: buf.into(),
            num_values: rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        }
    }

    /// Adds a page's range to the index.
    fn index(&self, runs: &[(u32, usize)], index: &mut ColumnIndexBuilder) {
        let nulls: usize = runs.iter().filter(|(code, _)| *code == NULL).map(|(_, times)| times).sum();
        let codes = || runs.iter().map(|(code, _)| *code).filter(|code| *code != NULL).map(|code| self.value(code));
        let (least, greatest) = (codes().min().unwrap_or_default(), codes().max().unwrap_or_default());
        index.append(codes().next().is_none(), least.to_vec(), greatest.to_vec(), nulls as i64);
    }

    fn statistics(&self, nulls: usize, physical: Type) -> Option<Statistics> {
        let values = || self.places.iter().map(|place| &self.plain[place.clone()]);
        let nulls = Some(nulls as u64);
        Some(match physical {
            Type::BYTE_ARRAY => {
                let kept = |value: &&[u8]| value.len() <= STATISTICS_BYTES_MAX;
                let least = values().min().filter(kept).map(|value| ByteArray::from(value.to_vec()));
                let greatest = values().max().filter(kept).map(|value| ByteArray::from(value.to_vec()));
                Statistics::byte_array(least, greatest, None, nulls, false)
            }
            Type::INT64 => {
                let numbers = || values().filter_map(|bytes| bytes.try_into().ok().map(i64::from_le_bytes));
                Statistics::int64(numbers().min(), numbers().max(), None, nulls, false)
            }
            // Signed or not is for the reader to know: those of both kinds are small counts, or left out.
            Type::INT32 => {
                let numbers = || values().filter_map(|bytes| bytes.try_into().ok().map(i32::from_le_bytes));
                let same_in_both = numbers().all(|number| number >= 0);
                let (least, greatest) = (numbers().min(), numbers().max());
                Statistics::int32(least.filter(|_| same_in_both), greatest.filter(|_| same_in_both), None, nulls, false)
            }
            // Written as runs only where all are NULL.
            _ => return None,
        })
    }
}

fn write_levels(out: &mut Vec<u8>, greatest: i16, runs: impl IntoIterator<Item = (u32, usize)>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    hybrid::write(out, hybrid::bits_for(greatest as u32), runs);
    let length = u32::try_from(out.len() - start - 4).expect("levels of a page take some kilobytes");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Neighbours with the same value as one run.
fn joined(runs: impl Iterator<Item = (u32, usize)>) -> Vec<(u32, usize)> {
    let mut joined: Vec<(u32, usize)> = Vec::new();
    for (value, times) in runs {
        match joined.last_mut() {
            Some((last, all)) if *last == value => *all += times,
            _ => joined.push((value, times)),
        }
    }
    joined
}

/// Pages one after the other, compressed alike.
struct Chunk {
    sink: TrackedWrite<Vec<u8>>,
    compressor: Option<zstd::bulk::Compressor<'static>>,
    compressed_bytes: u64,
    uncompressed_bytes: u64,
}

impl Chunk {
    fn new(compression: Compression) -> Result<Self> {
        let compressor = match compression {
            Compression::ZSTD(level) => Some(zstd::bulk::Compressor::new(level.compression_level())?),
            _ => None,
        };
        Ok(Self { sink: TrackedWrite::new(Vec::new()), compressor, compressed_bytes: 0, uncompressed_bytes: 0 })
    }

    /// Compresses and writes a page, and says where.
    fn write(&mut self, mut page: Page) -> Result<i64> {
        let buffer = match &mut page {
            Page::DataPage { buf, .. } | Page::DataPageV2 { buf, .. } | Page::DictionaryPage { buf, .. } => buf,
        };
        let uncompressed = buffer.len();
        if let Some(compressor) = &mut self.compressor {
            *buffer = compressor.compress(buffer)?.into();
        }
        let written = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, uncompressed))?;
        self.compressed_bytes += written.compressed_size as u64;
        self.uncompressed_bytes += written.uncompressed_size as u64;
        i64::try_from(written.offset).map_err(|cause| ParquetError::External(Box::new(cause)))
    }

    fn finish(self) -> Result<(Bytes, i64, i64)> {
        let bytes = self.sink.into_inner()?;
        Ok((bytes.into(), self.compressed_bytes as i64, self.uncompressed_bytes as i64))
    }
}
