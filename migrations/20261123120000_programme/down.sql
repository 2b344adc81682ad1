DROP TABLE referrals, redemptions, loyalty_rewards, tier_changes, point_postings, point_lots, point_entries, loyalty_memberships, loyalty_tiers, loyalty_programs;
