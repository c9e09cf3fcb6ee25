drop table t;
