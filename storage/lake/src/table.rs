//! The files of one table at one moment, for DataFusion.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetRowSelection};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::StreamExt;
use futures::future::ready;
use futures::stream;
use model::{Dataset, Table};
use object_store::ObjectMeta;

use crate::damage::Damage;
use crate::depot::Depot;
use crate::index::{Asked, BlockSet, Indexes};
use crate::manifest::{FileEntry, TableState};
use crate::paged::Paged;
use crate::promoted::PromotedColumns;
use crate::pruning::FileStatistics;
use crate::readers::Pin;
use crate::telemetry;
use crate::watched::{Opened, WatchedReaders};

/// Bytes read from the end of a file at first: footer and page index of a file of this many columns fit.
pub(crate) const FOOTER_BYTES: usize = 256 * 1024;
/// Files whose indexes are looked into at the same time.
const INDEXES_AT_ONCE: usize = 32;
/// Rows are filtered while they are decoded when indexes leave at most one in this many.
const FEW_ROWS: u64 = 8;

/// A table of the lake; what is committed later does not show.
#[derive(Debug)]
pub(crate) struct LakeTable {
    dataset: Dataset,
    state: Arc<TableState>,
    reading: Reading,
}

/// What a scan needs beside the names of files.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) depot: Arc<Depot>,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) damage: Arc<Damage>,
    pub(crate) pin: Arc<Pin>,
    /// The files that scans have opened.
    pub(crate) opened: Arc<Opened>,
}

/// A file to be read.
#[derive(Debug)]
struct Chosen {
    file: Arc<FileEntry>,
    /// What is to be read of it, unless it is everything.
    blocks: Option<BlockSet>,
}

impl Chosen {
    fn rows(&self) -> u64 {
        self.blocks.as_ref().map_or(self.file.rows, |blocks| blocks.rows(self.file.rows))
    }
}

impl LakeTable {
    pub(crate) fn new(dataset: Dataset, state: Arc<TableState>, reading: Reading) -> Self {
        Self { dataset, state, reading }
    }

    /// Files that may hold rows for the predicate, by time and by the first sort column.
    fn by_statistics(&self, predicate: Option<&Arc<dyn PhysicalExpr>>) -> Result<Vec<Arc<FileEntry>>> {
        let files = &self.state.files;
        let Some(predicate) = predicate else { return Ok(files.clone()) };
        let pruning = PruningPredicateBuilder::new().with_file_schema(self.schema()).build(Arc::clone(predicate));
        let Some(pruning) = pruning else { return Ok(files.clone()) };
        let kept = pruning.prune(&FileStatistics { dataset: self.dataset, files })?;
        Ok(files.iter().zip(kept).filter(|(_, kept)| *kept).map(|(file, _)| Arc::clone(file)).collect())
    }

    /// Files, and blocks of them, that may hold what is asked, by their indexes.
    async fn by_index(&self, files: Vec<Arc<FileEntry>>, asked: &Asked) -> Vec<Chosen> {
        if *asked == Asked::Anything {
            return files.into_iter().map(|file| Chosen { file, blocks: None }).collect();
        }
        let (of_files, of_rows) = (files.len(), files.iter().map(|file| file.rows).sum());
        let chosen = stream::iter(files).map(|file| async {
            let blocks = self.reading.indexes.find(&file, asked).await;
            Chosen { file, blocks }
        });
        let chosen = chosen.buffered(INDEXES_AT_ONCE);
        let chosen: Vec<Chosen> = chosen.filter(|chosen| ready(chosen.rows() > 0)).collect().await;
        let rows = chosen.iter().map(Chosen::rows).sum();
        telemetry::looked_up((chosen.len(), of_files), (rows, of_rows), self.reading.indexes.figures());
        chosen
    }

    /// Of files of which everything is read, or some blocks.
    fn statistics(&self, chosen: &[Chosen]) -> Statistics {
        let rows: u64 = chosen.iter().map(Chosen::rows).sum();
        let rows = Precision::Exact(usize::try_from(rows).expect("rows are counted in 64 bits"));
        let is_everything = chosen.iter().all(|chosen| chosen.blocks.is_none());
        let mut statistics = Statistics::new_unknown(&self.schema());
        statistics.num_rows = if is_everything { rows } else { rows.to_inexact() };
        statistics
    }

    fn readers(&self, runtime: &RuntimeEnv, chosen: &[Chosen]) -> Arc<dyn ParquetFileReaderFactory> {
        let Reading { depot, damage, pin, opened, .. } = &self.reading;
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(depot.objects()), footers);
        let readers = WatchedReaders::new(readers, Arc::clone(damage), Arc::clone(pin), Arc::clone(opened));
        match chosen.iter().any(|chosen| chosen.blocks.is_some()) {
            true => Arc::new(Paged(readers)),
            false => Arc::new(readers),
        }
    }

    fn partitioned(&self, chosen: &Chosen) -> PartitionedFile {
        let file = &chosen.file;
        let object = ObjectMeta {
            location: file.path.clone(),
            // Files never change: one name, one content.
            last_modified: Default::default(),
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        let partitioned = PartitionedFile::new_from_meta(object)
            .with_metadata_size_hint(FOOTER_BYTES)
            .with_statistics(Arc::new(self.statistics(std::slice::from_ref(chosen))))
            .with_extension(Arc::clone(file));
        match &chosen.blocks {
            Some(blocks) => partitioned.with_extension(ParquetRowSelection::new(blocks.selection(file.rows))),
            None => partitioned,
        }
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&Table::of(self.dataset).schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = DFSchema::try_from(self.schema())?;
        let predicate =
            conjunction(filters.to_vec()).map(|filter| session.create_physical_expr(filter, &schema)).transpose()?;
        let files = self.by_statistics(predicate.as_ref())?;
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let asked = Asked::of(self.dataset, filters);
        let chosen = self.by_index(files, &asked).await;
        let chosen_rows: u64 = chosen.iter().map(Chosen::rows).sum();
        if chosen.is_empty() {
            let projected =
                projection.map_or(Ok(self.schema()), |places| self.schema().project(places).map(Arc::new))?;
            return Ok(Arc::new(EmptyExec::new(projected)));
        }

        let runtime = session.runtime_env();
        let depot = &self.reading.depot;
        runtime.register_object_store(depot.url().as_ref(), Arc::clone(depot.objects()));
        let mut source = ParquetSource::new(self.schema())
            .with_parquet_file_reader_factory(self.readers(runtime, &chosen))
            // Filtering while decoding pays when few rows pass, and costs when many do.
            .with_pushdown_filters(asked.names_traces() || chosen_rows <= rows / FEW_ROWS);
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let group = FileGroup::new(chosen.iter().map(|chosen| self.partitioned(chosen)).collect());
        let config = FileScanConfigBuilder::new(depot.url().clone(), Arc::new(source))
            .with_file_groups(group.split_files(session.config().target_partitions()))
            .with_statistics(self.statistics(&chosen))
            .with_projection_indices(projection.cloned())?
            .with_expr_adapter(Some(Arc::new(PromotedColumns)))
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
