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
# Two groups of four and a path between them, by numbers that an f64 does not tell apart; and as words and categories.
n=2**53
groups=[(a,b) for g in (0,5) for a in range(g,g+4) for b in range(a+1,g+4)]+[(3,4),(4,5)]
a,b=[[n+1+x[i] for x in groups] for i in (0,1)]
when=[d.datetime(2024,2,29,12,0,0,500000)]*len(a)
pq.write_table(pa.table({"from":pa.array(a,pa.int64()),"when":pa.array(when,pa.timestamp("us")),"to":pa.array(b,pa.uint64()),"tags":pa.array([["x"]]*len(a)),"weight":pa.array([0.1]*len(a),pa.float32())}),"edges.parquet",compression="zstd",row_group_size=5)
pf.write_feather(pa.table({"a":pa.array(["#%d"%x if x%2 else "NA %d"%x for x in a]).dictionary_encode(),"b":pa.array(["#%d"%x if x%2 else "NA %d"%x for x in b],pa.large_string())}),"edges.feather",compression="lz4")
