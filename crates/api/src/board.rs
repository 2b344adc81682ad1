//! The board of a pipeline as both APIs answer it: the shapes, which are their documentation, and the asking.

use crate::caller::Caller;
use crate::rest::select;
use async_graphql::{Json, SimpleObject};
use kith_kernel::{Action, Error, Result};
use kith_pipeline::board::{self, CARDS, Cards, MAX_CARDS, Question};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A pipeline as a board: a column a stage, with sums and the first cards of each.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineBoard {
    /// The pipeline.
    pipeline: BoardPipeline,
    /// The currency of all sums, ISO 4217. Rates of today, or of the day of the decision.
    currency: String,
    /// Of all columns together.
    total: BoardSums,
    /// The stages in their order.
    columns: Vec<BoardColumn>,
}

/// The pipeline of a board.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct BoardPipeline {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
}

/// Sums over opportunities.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct BoardSums {
    /// How many.
    count: i64,
    /// Sum of the amounts, a decimal as a text.
    amount: String,
    /// Sum of amount × probability ÷ 100.
    weighted: String,
    /// How many are in their stage for longer than its rottingDays.
    rotting: i64,
}

/// A column of a board.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoardColumn {
    /// The stage, with all of its fields.
    #[schema(value_type = Object)]
    stage: Json<Value>,
    /// How many opportunities are in it.
    count: i64,
    /// Sum of their amounts, a decimal as a text.
    amount: String,
    /// Sum of amount × probability ÷ 100.
    weighted: String,
    /// How many are in it for longer than its rottingDays.
    rotting: i64,
    /// The first opportunities, with the fields and relations that were asked for and `isRotting`.
    #[schema(value_type = Vec<Object>)]
    cards: Json<Vec<Value>>,
    /// There are more cards.
    has_more: bool,
}

/// Which cards are asked for, as it was sent.
#[derive(Debug, Default)]
pub struct Asked {
    /// Only these fields, comma-separated.
    pub fields: Option<String>,
    /// These relations too.
    pub expand: Option<String>,
    /// Their order.
    pub sort: Vec<String>,
    /// How many of each column.
    pub cards: Option<usize>,
}

impl PipelineBoard {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid, question: Question, asked: Asked) -> Result<Self> {
        let limit = asked.cards.unwrap_or(CARDS);
        // Ten columns are usual; what they hold is charged like a list of so many records.
        caller.charge(u64::try_from(limit.min(MAX_CARDS)).unwrap_or(0) * 10)?;
        let found = caller.read(move |conn, cx| {
            let opportunities = cx.entry("opportunities")?;
            cx.require(opportunities, Action::Read)?;
            if !(1..=MAX_CARDS).contains(&limit) {
                let detail = format!("Expected 1 to {MAX_CARDS} cards.");
                return Err(Error::invalid(format!("{}/cards", question.at), "OUT_OF_RANGE", detail));
            }
            let placed = |error| if question.text { error } else { select::in_body(error) };
            let select = select::selection(cx, opportunities, asked.fields.as_deref(), asked.expand.as_deref());
            let filter_pointer = if question.text { "/query/filter" } else { "/filter" };
            let sort = if asked.sort.is_empty() { vec!["closeDate".to_owned()] } else { asked.sort };
            let cards = Cards { select: select.map_err(placed)?, sort, limit, filter_pointer };
            board::board(conn, cx, id, &question, cards)
        });
        serde_json::from_value(found.await?).map_err(Error::internal)
    }
}
