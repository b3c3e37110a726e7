//! Operations under `/environments`.

use crate::{
    Deleted, Environment, EnvironmentCreate, EnvironmentId, EnvironmentUpdate, Op, Page, Request,
};

pub(super) static CREATE: Op = Op::post("environments.create", "/environments");
pub(super) static LIST: Op = Op::list("environments.list", "/environments");
pub(super) static RETRIEVE: Op = Op::get("environments.retrieve", "/environments/{environment_id}");
pub(super) static UPDATE: Op = Op::post("environments.update", "/environments/{environment_id}");
pub(super) static ARCHIVE: Op = Op::post(
    "environments.archive",
    "/environments/{environment_id}/archive",
);
pub(super) static DELETE: Op = Op::delete("environments.delete", "/environments/{environment_id}");

/// Creates an environment.
pub fn create(environment: &EnvironmentCreate) -> Request<Environment> {
    Request::new(&CREATE).json(environment)
}

/// Lists environments. Filters: `limit`, `created_at[gte]`, `created_at[lte]`, `include_archived`.
pub fn list() -> Request<Page<Environment>> {
    Request::new(&LIST)
}

/// Gets an environment.
pub fn retrieve(environment: &EnvironmentId) -> Request<Environment> {
    Request::new(&RETRIEVE).path("environment_id", environment.as_str())
}

/// Changes an environment.
pub fn update(environment: &EnvironmentId, update: &EnvironmentUpdate) -> Request<Environment> {
    Request::new(&UPDATE)
        .path("environment_id", environment.as_str())
        .json(update)
}

/// Archives an environment.
pub fn archive(environment: &EnvironmentId) -> Request<Environment> {
    Request::new(&ARCHIVE).path("environment_id", environment.as_str())
}

/// Deletes an environment.
pub fn delete(environment: &EnvironmentId) -> Request<Deleted> {
    Request::new(&DELETE).path("environment_id", environment.as_str())
}
