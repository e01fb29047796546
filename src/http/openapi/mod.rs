//! The API's description of itself: `GET /api/v1/openapi.json`, and a page to try it, `GET /docs/`.
//!
//! Answers are written by hand, field by field; their shapes are said here once more, and the schema tests hold the two
//! together.

mod shapes;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa_swagger_ui::Config;

pub(crate) use self::shapes::*;
use super::api::{
    changes, letters, position, process, rows, runs, search, series, sources, watermarks, why,
};
use super::problem::Problem;
use super::watch::Shown;
use super::{api, events, public};
use standings_model::plan::Plan;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Standings",
        description = "Rankings over a stream, always current. Every answer says of which commit and which prefix of the input it is."
    ),
    tags(
        (name = "rankings", description = "Any ranking: its windows, its rows, why a row is where it is"),
        (name = "follow", description = "Changes as they come"),
        (name = "sales", description = "The shipped rankings, by a day"),
        (name = "public", description = "One ranking for everybody: --http-public"),
        (name = "process", description = "What runs here, and what it waits for")
    ),
    paths(
        rows::sales_by_city, rows::top_salesmen, rows::salesman, rows::rankings, rows::windows, rows::rows,
        rows::history, position::position, position::positions, series::series, why::why, search::search, changes::changes, letters::letters, watermarks::watermarks,
        events::events, process::process, runs::runs, sources::sources, public::page, public::events, public::picture
    ),
    security(("key" = []), ("token" = []))
)]
struct Described;

/// The document for these rankings.
pub(super) fn document(plan: &Plan) -> Document {
    let mut document = Described::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.license = None;
    let names: Vec<&str> = plan.rankings.iter().map(|r| r.name.as_str()).collect();
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    for item in document.paths.paths.values_mut() {
        let Some(get) = &mut item.get else {
            continue;
        };
        for parameter in get.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                name_rankings(parameter, &names);
            }
        }
        for (status, response) in &mut get.responses.responses {
            let RefOr::T(response) = response else {
                continue;
            };
            if status == "200" {
                for name in [api::COMMIT, api::OFFSETS, api::WATERMARK] {
                    let header = HeaderBuilder::new().schema(Some(text()));
                    response
                        .headers
                        .insert(name.to_string(), RefOr::T(header.build()));
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    let token = Http::new(HttpAuthScheme::Bearer);
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let key = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
    components.add_security_scheme("key", SecurityScheme::ApiKey(key));
    document
}

/// A path's `{name}` is one of the rankings that are loaded.
fn name_rankings(parameter: &mut Parameter, names: &[&str]) {
    if parameter.name == "name"
        && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
    {
        schema.enum_values = Some(names.iter().map(|n| serde_json::Value::from(*n)).collect());
    }
}

/// What of Swagger's page may run and load.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the description.
pub(super) fn routes(shown: &Shown) -> Router<Arc<Shown>> {
    let text = document(&shown.plan).to_json().unwrap_or_default();
    let text: Arc<str> = text.into();
    // Without the bar of the program that draws this: it is about the API.
    let config = Arc::new(Config::from("/api/v1/openapi.json").use_base_layout());
    let index = Arc::clone(&config);
    Router::new()
        .route(
            "/api/v1/openapi.json",
            get(move || async move {
                (
                    [(header::CONTENT_TYPE, "application/json")],
                    text.to_string(),
                )
            }),
        )
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route(
            "/docs/",
            get(move || async move { file("index.html", index) }),
        )
        .route(
            "/docs/{*path}",
            get(move |Path(path): Path<String>| async move { file(&path, config) }),
        )
}

fn file(path: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(file)) => {
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
                (header::CACHE_CONTROL, "no-cache".to_owned()),
            ];
            (headers, file.bytes.into_owned()).into_response()
        }
        _ => Problem::not_found("nothing is at this path").into_response(),
    }
}
