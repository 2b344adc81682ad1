DROP TABLE pushed_changes;
