//! Lists, gone through from their first page to their last.

use std::error::Error;

use qoder::List;
use serde::de::DeserializeOwned;

/// The items of a list, an item a page: three pages at least, none twice.
pub(crate) async fn three_pages<T>(
    list: impl Into<List<T>>,
    id: impl Fn(&T) -> String,
) -> Result<Vec<T>, Box<dyn Error>>
where
    T: DeserializeOwned + Send + 'static,
{
    let mut pages = list.into().limit(1).pages();
    let mut items: Vec<T> = Vec::new();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += 1;
        items.extend(page?.data);
    }
    assert!(count >= 3, "{count} pages");
    for (at, item) in items.iter().enumerate() {
        assert!(
            items[..at].iter().all(|other| id(other) != id(item)),
            "{} twice",
            id(item)
        );
    }
    Ok(items)
}
