use qoder_types::Model;
use qoder_types::ops::models as ops;

use super::resource;
use crate::list::List;

resource! {
    /// The calls under `/models`, from [`Client::models`](crate::Client::models).
    Models
}

impl Models {
    /// Lists the models, all on one page.
    pub fn list(&self) -> List<Model> {
        self.pages(ops::list())
    }
}
