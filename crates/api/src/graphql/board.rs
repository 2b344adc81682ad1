//! The board of a pipeline over GraphQL: the same question and answer as over REST.

use super::writer::raise;
use crate::board::{Asked, PipelineBoard};
use crate::caller::Caller;
use async_graphql::{Context, Json, Object};
use kith_pipeline::board::Question;
use kith_pipeline::whose;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The part of the query root that is about boards.
#[derive(Default)]
pub struct BoardQuery;

#[Object]
impl BoardQuery {
    /// The board of a pipeline: a column a stage, with sums and the first cards of each.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the API")]
    async fn pipeline_board(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The pipeline.")] id: Uuid,
        #[graphql(desc = "Cards of each column, 1 to 100; 10 unless given.")] cards: Option<usize>,
        #[graphql(desc = "Order of the cards, as in REST: `-amount`; by closeDate unless given.")] sort: Option<
            Vec<String>,
        >,
        #[graphql(desc = "Only these fields of the cards.")] fields: Option<Vec<String>>,
        #[graphql(desc = "These relations of the cards too; `account.owner` goes deeper.")] expand: Option<Vec<String>>,
        #[graphql(desc = "Of one user alone.")] owner_id: Option<Uuid>,
        #[graphql(desc = "Of one team, with the teams below it.")] team_id: Option<Uuid>,
        #[graphql(desc = "The currency of sums; that of all amounts if they share one, else the tenant's.")]
        currency: Option<String>,
        #[graphql(desc = "The filter tree over opportunities.")] filter: Option<Json<Map<String, Value>>>,
    ) -> async_graphql::Result<PipelineBoard> {
        let whose = whose::Asked {
            owner_id: owner_id.map(|id| id.to_string()),
            team_id: team_id.map(|id| id.to_string()),
            pipeline_id: None,
        };
        let question = Question { whose, currency, filter: filter.map(|filter| filter.0), text: false, at: "" };
        let joined = |list: Option<Vec<String>>| list.map(|list| list.join(","));
        let asked = Asked { fields: joined(fields), expand: joined(expand), sort: sort.unwrap_or_default(), cards };
        PipelineBoard::ask(ctx.data::<Caller>()?, id, question, asked).await.map_err(raise)
    }
}
