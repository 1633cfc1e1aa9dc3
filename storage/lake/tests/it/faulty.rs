//! Object storage that counts, and that can be told to fail.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Another store, which is down when told to be.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    pub(crate) is_down: AtomicBool,
    /// Requests for bytes of Parquet files.
    pub(crate) reads: AtomicUsize,
}

impl Faulty {
    pub(crate) fn over(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { inner, is_down: AtomicBool::new(false), reads: AtomicUsize::new(0) })
    }

    /// What is left of a 503 after all retries.
    fn answer(&self) -> Result<()> {
        match self.is_down.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(Error::Generic { store: "S3", source: "503 Service Unavailable: SlowDown".into() }),
        }
    }

    fn read(&self, location: &Path) -> Result<()> {
        if location.as_ref().ends_with(".parquet") {
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
        self.answer()
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.answer()?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.answer()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.read(location)?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.read(location)?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.answer() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(cause) => stream::once(async { Err(cause) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.answer() {
            Ok(()) => self.inner.list(prefix),
            Err(cause) => stream::once(async { Err(cause) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.answer()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.answer()?;
        self.inner.copy_opts(from, to, options).await
    }
}
