import pandas as pd, polars as pl, pyarrow as pa, pyarrow.parquet as pq, pyarrow.feather as pf, datetime as d, decimal
names=["Ann","Bob",None,"Chloé"]
df=pd.DataFrame({"name":names,"height":[1.7,None,1.65,1.8],"children":pd.array([0,2,None,3],dtype="Int64"),"member":[True,False,True,True],"born":pd.to_datetime(["1990-05-01","1985-12-24","2000-02-29 12:00",None],format="ISO8601"),"town":pd.Categorical(["Ulm","Bonn","Ulm",None])})
df.to_parquet("pandas.parquet",index=False)
df.to_feather("pandas.feather")
p=pl.DataFrame({"name":names,"height":[1.7,None,1.65,1.8],"children":[0,2,None,3],"member":[True,False,True,True],"born":[d.date(1990,5,1),d.date(1985,12,24),d.date(2000,2,29),None],"town":pl.Series(["Ulm","Bonn","Ulm",None],dtype=pl.Categorical),"tags":[["a"],[],["b","c"],None]})
p.write_parquet("polars.parquet")
p.write_ipc("polars.arrow",compression="zstd")
t=pa.table({"price":pa.array([decimal.Decimal("1.25"),None,decimal.Decimal("-3.50"),decimal.Decimal("0.10")],pa.decimal128(10,2)),"small":pa.array([1,2,3,4],pa.uint8()),"half":pa.array([1.5,2.5,None,4.0],pa.float32()),"empty":pa.nulls(4),"large":pa.array(["x","NA","","y"],pa.large_string()),"big":pa.array([2**60+1,1,2,3],pa.int64())})
pq.write_table(t,"pyarrow.parquet",compression="gzip",row_group_size=2,data_page_version="2.0")
