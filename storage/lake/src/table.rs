//! The files of one table at one moment, for DataFusion.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, DataFusionError, Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use model::{Dataset, Table};
use object_store::ObjectMeta;

use crate::damage::Damage;
use crate::depot::Depot;
use crate::manifest::{FileEntry, TableState};
use crate::pruning::{FileStatistics, traces_asked_for};
use crate::readers::Pin;
use crate::trace_filter::TraceFilters;
use crate::watched::{Opened, WatchedReaders};

/// Bytes read from the end of a file at first: footer and page index of a file of this many columns fit.
pub(crate) const FOOTER_BYTES: usize = 256 * 1024;

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
    pub(crate) trace_filters: Arc<TraceFilters>,
    pub(crate) damage: Arc<Damage>,
    pub(crate) pin: Arc<Pin>,
    /// The files that scans have opened.
    pub(crate) opened: Arc<Opened>,
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

    async fn by_trace(&self, files: Vec<Arc<FileEntry>>, traces: &[[u8; 16]]) -> Result<Vec<Arc<FileEntry>>> {
        let mut kept = Vec::new();
        for file in files {
            let may_hold = self.reading.trace_filters.may_hold(&file, traces).await;
            if may_hold.map_err(|cause| DataFusionError::External(Box::new(cause)))? {
                kept.push(file);
            }
        }
        Ok(kept)
    }

    fn statistics(&self, rows: u64) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.schema());
        statistics.num_rows = Precision::Exact(usize::try_from(rows).expect("rows are counted in 64 bits"));
        statistics
    }

    fn partitioned(&self, file: &Arc<FileEntry>) -> PartitionedFile {
        let object = ObjectMeta {
            location: file.path.clone(),
            // Files never change: one name, one content.
            last_modified: Default::default(),
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        PartitionedFile::new_from_meta(object)
            .with_metadata_size_hint(FOOTER_BYTES)
            .with_statistics(Arc::new(self.statistics(file.rows)))
            .with_extension(Arc::clone(file))
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
        let mut files = self.by_statistics(predicate.as_ref())?;
        let traces = traces_asked_for(filters);
        if let Some(traces) = &traces {
            files = self.by_trace(files, traces).await?;
        }
        if files.is_empty() {
            let projected =
                projection.map_or(Ok(self.schema()), |places| self.schema().project(places).map(Arc::new))?;
            return Ok(Arc::new(EmptyExec::new(projected)));
        }

        let runtime = session.runtime_env();
        let Reading { depot, damage, pin, opened, .. } = &self.reading;
        let objects = Arc::clone(depot.objects());
        runtime.register_object_store(depot.url().as_ref(), Arc::clone(&objects));
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(objects, footers);
        let readers = WatchedReaders::new(readers, Arc::clone(damage), Arc::clone(pin), Arc::clone(opened));
        let mut source = ParquetSource::new(self.schema())
            .with_parquet_file_reader_factory(Arc::new(readers))
            // Filtering while decoding pays when few rows pass, and costs when many do.
            .with_pushdown_filters(traces.is_some());
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let rows = files.iter().map(|file| file.rows).sum();
        let group = FileGroup::new(files.iter().map(|file| self.partitioned(file)).collect());
        let config = FileScanConfigBuilder::new(depot.url().clone(), Arc::new(source))
            .with_file_groups(group.split_files(session.config().target_partitions()))
            .with_statistics(self.statistics(rows))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
