mod bilinear;
mod games;
mod gda;
mod module_game;
mod rates;
