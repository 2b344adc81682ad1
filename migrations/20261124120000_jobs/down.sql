DROP TABLE job_wakes, schedules, jobs;
