DROP INDEX notes_subject_timeline_idx, stage_changes_timeline_idx;
DROP TABLE tasks, interaction_contacts, interactions;
